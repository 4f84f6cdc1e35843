package main

import (
	"context"
	"testing"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/ownlog"
	"thonsync/syncproto"
)

// seedCommand writes one unit, as an import would.
var seedCommand = server.Register(server.Command[server.None, server.None]{
	Name: "test.seed",
	Do: func(ctx context.Context, n *server.Node, _ server.None) (server.None, error) {
		text := func(num uint32, s string) syncproto.Field {
			return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
		}
		_, err := n.WriteOwn(ctx, []ownlog.Draft{{
			Header: syncproto.Header{Collection: syncproto.CollectionUnit, Op: syncproto.OpCreate},
			Operational: syncproto.Row{
				text(syncproto.FieldUnit, "test:1"), text(syncproto.UnitList, "test"), text(syncproto.UnitCode, "1"),
				text(syncproto.UnitLevel, "commune"), text(syncproto.UnitType, "Xã"), text(syncproto.UnitName, "Xã Thử"),
			},
		}})
		return server.None{}, err
	},
})

func seedUnit(t *testing.T, data string) {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data = data
	if _, err := seedCommand.Run(t.Context(), cfg, server.Options{}, server.None{}); err != nil {
		t.Fatal(err)
	}
}
