package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"thonsync/server/ingest"
	"thonsync/syncproto"
	"thonsync/testdata/province"
)

// The sizes of the two intakes whose peaks are compared.
const (
	memoryPhones  = 1000
	memoryChanges = 60
)

// memorySuite has a process of its own take in 1,000 phones x 60 changes and
// another take in half of it, and compares their peak memory: it must not grow
// with the number of changes. Half and not less, because the database's page
// caches, which have a bound, must be full in both.
func memorySuite(emit func(line)) error {
	large, err := peakOf(memoryPhones)
	if err != nil {
		return err
	}
	small, err := peakOf(memoryPhones / 2)
	if err != nil {
		return err
	}
	emit(compare("memory/intake", large, small, "peak while taking in half of the phones", "MB", atMost, 1.5))
	return nil
}

func peakOf(phones int) (float64, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "thonsync-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	p := province.Small(1, 4, 6)
	n, err := reference(ctx, dir, p)
	if err != nil {
		return 0, err
	}
	if err := n.Close(); err != nil {
		return 0, err
	}
	if err := writeWorks(ctx, dir, p, phones); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "--take-in", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("the process that takes changes in: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// writeWorks leaves the phones' segments as bundle files.
func writeWorks(ctx context.Context, dir string, p *province.Province, phones int) error {
	in, err := openIntake(ctx, dir)
	if err != nil {
		return err
	}
	list, err := in.works(p, phones, memoryChanges, 5)
	if err != nil {
		return err
	}
	for i, w := range list {
		b, err := syncproto.EncodeBundle([]syncproto.Entry{
			{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(w.batch.Credentials[0])},
			{Kind: syncproto.EntrySegment, Data: w.batch.Segments[0]},
		})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.work", i)), b, 0o600); err != nil {
			return err
		}
	}
	return in.close()
}

// takeIn is the process whose memory is measured. It prints its peak in MB.
func takeIn(dir string) error {
	ctx := context.Background()
	in, err := openIntake(ctx, dir)
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.work"))
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		entries, _, err := syncproto.DecodeBundle(b)
		if err != nil {
			return err
		}
		c, err := syncproto.DecodeCredentialEntry(entries[0].Data)
		if err != nil {
			return err
		}
		w := work{batch: ingest.Batch{Via: c.Origin, Segments: [][]byte{entries[1].Data}, Credentials: []syncproto.OriginCredential{c}}}
		if err := in.submit(ctx, []work{w}); err != nil {
			return err
		}
	}
	if err := in.close(); err != nil {
		return err
	}
	fmt.Printf("%.1f\n", peakMB())
	return nil
}

// peakMB gives the peak resident memory where the system tells it (Linux), and
// else what the runtime took from the system.
func peakMB() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for l := range bytes.Lines(b) {
			if f := strings.Fields(string(l)); len(f) > 1 && f[0] == "VmHWM:" {
				if kb, err := strconv.ParseFloat(f[1], 64); err == nil {
					return kb / 1024
				}
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}
