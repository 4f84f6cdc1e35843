package main

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/httpapi"
	"thonsync/syncproto"
)

type webhookCmd struct {
	New        webhookNewCmd        `cmd:"" help:"Have somebody told of events; the secret is shown once."`
	List       webhookListCmd       `cmd:"" help:"List who is told of what."`
	Do         webhookDoCmd         `cmd:"" help:"Pause, resume, test or delete a webhook."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"What was told, and what was given up."`
	Retry      webhookRetryCmd      `cmd:"" help:"Try a delivery again that was given up."`
}

type webhookNewCmd struct {
	Name  string   `arg:"" help:"Who is told."`
	URL   string   `arg:"" name:"url" help:"Address, https://."`
	Event []string `required:"" placeholder:"KIND" help:"Of what: kinds of findings, as thonsync health names them, such as quiet,fork,team-stopped,request-due,backup-failed."`
}

// Run makes a webhook.
func (c *webhookNewCmd) Run(a *app) error {
	made, err := server.WebhookNew.Run(a.ctx, a.cfg, a.quiet(), httpapi.WebhookDraft{Name: c.Name, URL: c.URL, Events: c.Event})
	if err != nil {
		return err
	}
	return a.show(made, func() {
		a.say("%s", made.Secret)
		a.say("The receiver checks webhook-signature with it (Standard Webhooks). It is not shown again.")
		a.say("Try it: thonsync webhook do %s test", made.ID)
	})
}

type webhookListCmd struct{}

// Run lists webhooks.
func (webhookListCmd) Run(a *app) error {
	list, err := server.WebhookList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, w := range list {
			state := ""
			if w.Paused {
				state = "paused"
			}
			rows = append(rows, []string{w.ID.String(), w.Name, w.URL, strings.Join(w.Events, ","), state})
		}
		a.table([]string{"WEBHOOK", "NAME", "ADDRESS", "EVENTS", ""}, rows)
	})
}

func webhookID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return id, syncproto.Errorf(syncproto.CodeInvalidInput, "it is named by its id: copy it from `thonsync webhook list` or `deliveries`")
	}
	return id, nil
}

type webhookDoCmd struct {
	Webhook string `arg:"" placeholder:"UUID" help:"The webhook's id."`
	What    string `arg:"" enum:"pause,resume,test,delete" help:"pause, resume, test or delete."`
}

// Run changes a webhook.
func (c *webhookDoCmd) Run(a *app) error {
	id, err := webhookID(c.Webhook)
	if err != nil {
		return err
	}
	done, err := server.WebhookDo.Run(a.ctx, a.cfg, a.quiet(), server.WebhookChange{ID: id, What: c.What})
	if err != nil {
		return err
	}
	return a.show(done, func() { a.say("Done. `thonsync webhook deliveries` shows what is told.") })
}

type webhookDeliveriesCmd struct {
	Webhook string `placeholder:"UUID" help:"Only of this one."`
	State   string `enum:",waiting,done,dead" default:"" help:"Only those waiting, done or dead (given up)."`
	Last    int    `default:"50" help:"At most so many."`
}

// Run lists deliveries.
func (c *webhookDeliveriesCmd) Run(a *app) error {
	q := server.DeliveryQuery{State: c.State, Limit: c.Last}
	if c.Webhook != "" {
		var err error
		if q.Webhook, err = webhookID(c.Webhook); err != nil {
			return err
		}
	}
	list, err := server.DeliveryList.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, d := range list {
			rows = append(rows, []string{d.ID.String(), d.Event, d.State, strconv.Itoa(d.Attempts), d.Answer, when(d.MadeMS)})
		}
		a.table([]string{"DELIVERY", "EVENT", "STATE", "TRIED", "ANSWER", "MADE"}, rows)
	})
}

type webhookRetryCmd struct {
	Delivery string `arg:"" placeholder:"UUID" help:"The delivery's id."`
}

// Run tries again.
func (c *webhookRetryCmd) Run(a *app) error {
	id, err := webhookID(c.Delivery)
	if err != nil {
		return err
	}
	done, err := server.DeliveryRetry.Run(a.ctx, a.cfg, a.quiet(), server.OutwardID{ID: id})
	if err != nil {
		return err
	}
	return a.show(done, func() { a.say("It is tried again now.") })
}
