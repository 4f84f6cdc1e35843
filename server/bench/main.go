// Command bench measures Thonsync against references that run in the same
// process and the same minute, and prints ratios: what a machine does in
// absolute terms says little, and trusting a number from another day says less.
//
//	bench [--json] [--only prefix]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
)

// line is one measurement. Ratio is ours/reference; Holds compares it with
// Goal in the direction that GoalIs says ("at most" or "at least"). Goal 0
// means that the figure is printed for the reader only.
type line struct {
	Name        string  `json:"name"`
	Ours        float64 `json:"ours"`
	Reference   float64 `json:"reference"`
	ReferenceIs string  `json:"reference_is"`
	Unit        string  `json:"unit"`
	Ratio       float64 `json:"ratio"`
	Goal        float64 `json:"goal"`
	GoalIs      string  `json:"goal_is,omitempty"`
	Holds       bool    `json:"holds"`
}

const (
	atMost  = "at most"
	atLeast = "at least"
)

// compare fills in ratio and verdict.
func compare(name string, ours, reference float64, referenceIs, unit, goalIs string, goal float64) line {
	l := line{Name: name, Ours: ours, Reference: reference, ReferenceIs: referenceIs, Unit: unit, Goal: goal, GoalIs: goalIs, Holds: true}
	if reference != 0 {
		l.Ratio = ours / reference
	}
	switch {
	case goal == 0:
	case goalIs == atMost:
		l.Holds = l.Ratio <= goal
	default:
		l.Holds = l.Ratio >= goal
	}
	return l
}

// suite is one family of measurements; it hands out lines as they are done.
type suite struct {
	name string
	run  func(emit func(line)) error
}

func main() {
	asJSON := flag.Bool("json", false, "print one JSON object a line")
	only := flag.String("only", "", "run only the suites whose name starts so")
	child := flag.String("take-in", "", "take the work in a folder in and print the peak memory; used by the suite memory")
	flag.Parse()
	if *child != "" {
		if err := takeIn(*child); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*asJSON, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(asJSON bool, only string) error {
	var lines []line
	enc := json.NewEncoder(os.Stdout)
	for _, s := range suites() {
		if !strings.HasPrefix(s.name, only) {
			continue
		}
		err := s.run(func(l line) {
			lines = append(lines, l)
			if asJSON {
				_ = enc.Encode(l) // stdout gone: nobody to tell
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !asJSON {
		printTable(lines)
	}
	for _, l := range lines {
		if !l.Holds {
			return fmt.Errorf("%s misses its goal: ratio %.2f, goal %s %.2f", l.Name, l.Ratio, l.GoalIs, l.Goal)
		}
	}
	return nil
}

func printTable(lines []line) {
	w := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tours\treference\tratio\tgoal\tholds\tunit\treference is")
	for _, l := range lines {
		goal, holds := "-", "-"
		if l.Goal != 0 {
			goal, holds = fmt.Sprintf("%s %.2f", l.GoalIs, l.Goal), map[bool]string{true: "yes", false: "NO"}[l.Holds]
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%s\t%s\t%s\t%s\n", l.Name, l.Ours, l.Reference, l.Ratio, goal, holds, l.Unit, l.ReferenceIs)
	}
	_ = w.Flush()
}
