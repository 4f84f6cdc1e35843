package main

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/syncproto"
)

type peopleListCmd struct{}

// peopleObject is what --json writes for the people commands.
type peopleObject struct {
	People []view.Person `json:"people"`
}

// Run shows who may use the device.
func (peopleListCmd) Run(a *app) error { return a.with(a.showPeople) }

func (a *app) showPeople(d device) error {
	people, err := d.People(a.ctx)
	if err != nil {
		return err
	}
	out := peopleObject{view.People(people)}
	a.show(out, func() {
		if len(out.People) == 0 {
			a.say("people.none")
		}
		a.people(out.People)
	})
	return nil
}

// people writes people for people.
func (a *app) people(people []view.Person) {
	for i, p := range people {
		var marks []string
		if p.Current {
			marks = append(marks, a.lang.T("people.current"))
		}
		if p.HasPIN {
			marks = append(marks, a.lang.T("people.pin"))
		}
		if p.WaitMS > 0 {
			marks = append(marks, a.lang.T("people.wait", "n", (p.WaitMS+59_999)/60_000))
		}
		line := fmt.Sprintf("  %d  %s", i+1, a.nameOf(p.Name, p.ID))
		if len(marks) > 0 {
			line += " (" + strings.Join(marks, ", ") + ")"
		}
		fmt.Fprintln(a.out, line)
	}
}

// nameOf gives what people read of a person: where the issuer knew no name, how
// to give one.
func (a *app) nameOf(name string, id uuid.UUID) string {
	if name == "" {
		return a.lang.T("people.nameless", "id", shorten(id))
	}
	return name
}

type peopleUseCmd struct {
	Who string `arg:"" help:"${help_who}"`
}

// Run makes a person the current one.
func (c *peopleUseCmd) Run(a *app) error {
	return a.with(func(d device) error {
		p, err := a.known(d, c.Who)
		if err != nil {
			return err
		}
		pin := ""
		if p.HasPIN {
			if pin, err = a.readPIN("people.ask-pin"); err != nil {
				return err
			}
		}
		if err := d.SelectPerson(a.ctx, p.ID, pin); err != nil {
			return err
		}
		return a.showPeople(d)
	})
}

// known finds a person of this device.
func (a *app) known(d device, who string) (clientlib.Person, error) {
	id, err := a.person(d, who)
	if err != nil {
		return clientlib.Person{}, err
	}
	people, err := d.People(a.ctx)
	if err != nil {
		return clientlib.Person{}, err
	}
	for _, p := range people {
		if p.ID == id || (id == uuid.Nil && p.Current) {
			return p, nil
		}
	}
	return clientlib.Person{}, failed(syncproto.CodeInvalidInput, "error.person")
}

type peopleLeaveCmd struct{}

// Run makes nobody the current person, as when the phone is handed on.
func (peopleLeaveCmd) Run(a *app) error {
	return a.with(func(d device) error {
		if err := d.LeavePerson(a.ctx); err != nil {
			return err
		}
		return a.showPeople(d)
	})
}

type peopleAddCmd struct {
	Name string `arg:"" help:"${help_person_name}"`
	ID   string `name:"id" help:"${help_person_id}" placeholder:"UUID"`
}

// Run adds a person or changes the name shown.
func (c *peopleAddCmd) Run(a *app) error {
	name, err := a.oneLine(c.Name)
	if err != nil {
		return err
	}
	return a.with(func(d device) error {
		id, err := a.personID(d, c.ID)
		if err != nil {
			return err
		}
		if err := d.AddPerson(a.ctx, id, name); err != nil {
			return err
		}
		return a.showPeople(d)
	})
}

// personID gives the id of a person to be named: a new one for "", a whole one,
// or that of the only person here whose id ends so, as lists show it.
func (a *app) personID(d device, ref string) (uuid.UUID, error) {
	if ref == "" {
		return uuid.New(), nil
	}
	if id, err := uuid.Parse(ref); err == nil {
		return id, nil
	}
	wrong := usage("usage.value", "what", "--id")
	if len(ref) < minShort {
		return uuid.Nil, wrong
	}
	people, err := d.People(a.ctx)
	if err != nil {
		return uuid.Nil, err
	}
	var found []uuid.UUID
	for _, p := range people {
		if strings.HasSuffix(p.ID.String(), strings.ToLower(ref)) {
			found = append(found, p.ID)
		}
	}
	if len(found) != 1 {
		return uuid.Nil, wrong
	}
	return found[0], nil
}

type peoplePINCmd struct {
	Who    string `arg:"" optional:"" help:"${help_who_pin}"`
	Remove bool   `help:"${help_pin_remove}"`
}

// Run sets or removes a PIN. It is read from the terminal or from standard
// input, never from the command line, which other programs can see.
func (c *peoplePINCmd) Run(a *app) error {
	return a.with(func(d device) error {
		p, err := a.known(d, c.Who)
		if err != nil {
			return err
		}
		pin := ""
		if !c.Remove {
			if pin, err = a.newPIN(); err != nil {
				return err
			}
		}
		if err := d.SetPIN(a.ctx, p.ID, pin); err != nil {
			return err
		}
		return a.showPeople(d)
	})
}

type peopleResetCmd struct {
	Who    string `arg:"" help:"${help_who}"`
	Answer bool   `help:"${help_reset_answer}"`
}

// challenged is what --json writes for people reset without an answer.
type challenged struct {
	Challenge string `json:"challenge"`
}

// Run resets a forgotten PIN: it shows a challenge for the officer, and takes
// the officer's answer and a new PIN, at a terminal in one go.
func (c *peopleResetCmd) Run(a *app) error {
	return a.with(func(d device) error {
		p, err := a.known(d, c.Who)
		if err != nil {
			return err
		}
		if !c.Answer {
			challenge, err := d.ChallengePIN(a.ctx, p.ID)
			if err != nil {
				return err
			}
			a.show(challenged{challenge}, func() { a.say("reset.challenge", "challenge", challenge) })
			if !a.terminal || a.json {
				return nil
			}
		}
		if a.terminal {
			fmt.Fprint(a.errOut, a.lang.T("reset.ask-answer")+" ")
		}
		answer, err := a.oneLine("-")
		if err != nil {
			return err
		}
		pin, err := a.newPIN()
		if err != nil {
			return err
		}
		if err := d.ResetPIN(a.ctx, p.ID, answer, pin); err != nil {
			return err
		}
		return a.showPeople(d)
	})
}

func (a *app) newPIN() (string, error) {
	pin, err := a.readPIN("people.new-pin")
	if err != nil {
		return "", err
	}
	if pin == "" {
		return "", failed(syncproto.CodeInvalidInput, "error.no-pin")
	}
	if !a.terminal {
		return pin, nil
	}
	again, err := a.readPIN("people.again-pin")
	if err != nil {
		return "", err
	}
	if again != pin {
		return "", failed(syncproto.CodeInvalidInput, "error.pin-differs")
	}
	return pin, nil
}

// readPIN reads a PIN without showing it at a terminal, else a line of input.
func (a *app) readPIN(key string) (string, error) {
	if !a.terminal {
		return a.oneLine("-")
	}
	fmt.Fprint(a.errOut, a.lang.T(key)+" ")
	b, err := a.secret()
	fmt.Fprintln(a.errOut)
	return strings.TrimSpace(string(b)), err
}
