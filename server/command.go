package server

import (
	"context"
	"encoding/json"
	"errors"

	"thonsync/server/config"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/syncproto"
)

// Command is something that the command line has a server do. It works on a
// running server over the admin listener, and otherwise on the data folder
// opened for it alone.
type Command[In, Out any] struct {
	Name string
	// Live says that the command makes sense on a running server only.
	Live bool
	// Fresh allows the command to make a new centre out of an empty folder.
	Fresh bool
	Do    func(ctx context.Context, n *Node, in In) (Out, error)
}

// handlers holds the registered commands by name. It is written by package
// variables only, before main runs.
var handlers = make(map[string]func(*Node) httpapi.Command)

// Register makes a command known to running servers. Use it in a package
// variable: var myCommand = server.Register(server.Command[In, Out]{...}).
func Register[In, Out any](c Command[In, Out]) Command[In, Out] {
	handlers[c.Name] = func(n *Node) httpapi.Command {
		return func(ctx context.Context, raw json.RawMessage) (any, error) {
			var in In
			if err := json.Unmarshal(raw, &in); err != nil {
				return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "command %s: its input does not fit this version of the server", c.Name)
			}
			return c.Do(ctx, n, in)
		}
	}
	return c
}

// command finds a command for the admin listener.
func (n *Node) command(name string) (httpapi.Command, bool) {
	h, ok := handlers[name]
	if !ok {
		return nil, false
	}
	return h(n), true
}

// Run has the command done: by the running server if there is one, else by
// opening the data folder here.
func (c Command[In, Out]) Run(ctx context.Context, cfg config.Config, opts Options, in In) (out Out, err error) {
	client, err := DialAdmin(cfg.Data)
	if err == nil {
		if err = client.Call(ctx, c.Name, in, &out); !errors.Is(err, httpapi.ErrNoServer) {
			return out, err
		}
	}
	if !errors.Is(err, httpapi.ErrNoServer) {
		return out, err
	}
	if c.Live {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "no server runs on data folder %s: start `thonsync serve` there first", cfg.Data)
	}
	if !c.Fresh && !keys.Exists(KeysFolder(cfg.Data)) {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "data folder %s holds no server: name the right one with --data, or run `thonsync serve` to make one", cfg.Data)
	}
	n, err := Open(ctx, cfg, opts)
	if err != nil {
		return out, err
	}
	out, err = c.Do(ctx, n, in)
	return out, errors.Join(err, n.Close())
}
