package config

import (
	"bytes"
	"fmt"
	"os"
)

// KeySecret reads the passphrase of the keys folder from the file that the
// settings name; nil if they name none. It never stands in the settings
// themselves, because command lines and environments can be read by others.
func (c *Config) KeySecret() ([]byte, error) {
	if c.KeySecretFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(c.KeySecretFile)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase of the keys folder: %w", err)
	}
	if b = bytes.TrimRight(b, "\r\n"); len(b) == 0 {
		return nil, fmt.Errorf("the file in key-secret-file is empty: write a passphrase into it")
	}
	return b, nil
}
