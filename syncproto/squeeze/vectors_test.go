package squeeze

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"thonsync/testdata/vectors"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*h, err = hex.DecodeString(s)
	return err
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := vectors.Files.ReadFile("squeeze/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name    string
			Columns []hexBytes
			Stream  hexBytes
		}
	}
	readVectors(t, "streams.json", &file)
	if len(file.Vectors) < 15 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		cols := make([][]byte, len(v.Columns))
		for i, c := range v.Columns {
			cols[i] = c
		}
		if got := Compress(nil, cols); !bytes.Equal(got, v.Stream) {
			t.Errorf("%s: compresses to %d other bytes; that needs a new version of the format", v.Name, len(got))
		}
		got, err := Decompress(v.Stream, wide)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		sameColumns(t, got, cols)
	}
}

func TestVectorsRefused(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name           string
			Stream         hexBytes
			MaxColumns     int    `json:"max_columns"`
			MaxColumnBytes int    `json:"max_column_bytes"`
			MaxTotalBytes  int    `json:"max_total_bytes"`
			Error          string `json:"error"`
		}
	}
	readVectors(t, "refused.json", &file)
	if len(file.Vectors) < 10 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	kinds := map[string]error{"corrupt": ErrCorrupt, "limit": ErrLimit}
	for _, v := range file.Vectors {
		_, err := Decompress(v.Stream, Limits{v.MaxColumns, v.MaxColumnBytes, v.MaxTotalBytes})
		if want := kinds[v.Error]; want == nil || !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %s", v.Name, err, v.Error)
		}
	}
}

// SPEC.md must let others build the same tables: its primer and its sums are
// those of the code.
func TestSpecHoldsThePrimerAndTheTables(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, dump, ok := strings.Cut(string(spec), "```hex\n")
	dump, _, ok2 := strings.Cut(dump, "```")
	if !ok || !ok2 {
		t.Fatal("SPEC.md has no hex block")
	}
	got, err := hex.DecodeString(regexp.MustCompile(`\s`).ReplaceAllString(dump, ""))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != primer {
		t.Error("the primer in SPEC.md is not the one in the code")
	}
	var squash, stretch []byte
	for _, v := range squashTable[:2*stretchMax+1] {
		squash = append(squash, byte(v>>8), byte(v))
	}
	for _, v := range stretchTable {
		stretch = append(stretch, byte(uint16(v)>>8), byte(v))
	}
	for name, b := range map[string][]byte{"squash": squash, "stretch": stretch, "primer": []byte(primer)} {
		sum := sha256.Sum256(b)
		if !strings.Contains(string(spec), hex.EncodeToString(sum[:])) {
			t.Errorf("SPEC.md lacks the SHA-256 of %s, %x", name, sum)
		}
	}
}
