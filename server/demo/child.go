package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/google/uuid"

	"thonsync/clientlib"
)

// ChildCommand is the hidden command under which the program plays the phone
// that is killed: it records without end and prints each id once it is stored.
const ChildCommand = "demo-phone"

// Child records activities on the device at path for person, until it is
// killed.
func Child(ctx context.Context, path, person string) error {
	id, err := uuid.Parse(person)
	if err != nil {
		return err
	}
	dev, err := clientlib.Open(ctx, clientlib.Options{Path: path})
	if err != nil {
		return err
	}
	defer func() { _ = dev.Close() }() // it is killed long before
	kind, err := dev.Kind(ctx, "TT")
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		got, err := dev.Record(ctx, clientlib.RecordInput{
			Person: id, Kind: kind.Code, Occurred: today(), Result: kind.Results[0].Value,
			Fields: map[string]string{"topic": "id_card", "audience_count": "12", "method": kindOption(kind, "method")},
		})
		if err != nil {
			return err
		}
		fmt.Println(got.ID)
	}
	return ctx.Err()
}

// kill plays the phone whose battery is pulled while it writes.
func (s *stage) kill(ctx context.Context, d *day, program string) error {
	p := s.cast.killed
	if err := p.dev.Close(); err != nil {
		return err
	}
	p.dev = nil
	cmd := exec.CommandContext(ctx, program, ChildCommand, p.opts.Path, p.people[0].String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for len(d.acked) < 5 && lines.Scan() {
		id, err := uuid.Parse(lines.Text())
		if err != nil {
			return err
		}
		d.acked = append(d.acked, id)
	}
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait() // it was killed: its status says nothing
	if len(d.acked) < 5 {
		return errors.New("the phone that is to be killed did not record")
	}
	return p.reopen(ctx)
}
