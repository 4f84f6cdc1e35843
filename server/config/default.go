package config

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// Default gives the built-in settings, as the tags of Config state them.
func Default() (Config, error) {
	var c Config
	k, err := kong.New(&c, kong.Name("thonsync"))
	if err == nil {
		_, err = k.Parse(nil)
	}
	if err != nil {
		return c, fmt.Errorf("the tags of Config are wrong: %w", err)
	}
	return c, nil
}
