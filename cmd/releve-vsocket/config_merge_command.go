package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"releve.dev/releve/disk"
	"releve.dev/releve/settings"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
)

const standardInput = "standard input"

func (o *options) configMergeCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "merge", Short: "Lay sections over the config file",
		Long: `Read sections of a config file in YAML, and lay them over the one of --config:
keys are replaced or added, lists are replaced as a whole, what isn't named stays.
The outcome is checked as "config check" does, and written only if nothing is wrong
with it. The former file is kept beside it, with .former at its name's end. The same
again changes nothing.

A running agent takes the file when "config apply" tells it to.`,
		Example: "  releve-vsocket config merge <azure.yaml\n  releve-vsocket config merge --file azure.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments: the sections come from standard input"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, patch, err := readPatch(cmd.InOrStdin(), file)
			if err != nil {
				return err
			}
			return o.rewrite(cmd.OutOrStdout(), func(data []byte) ([]byte, error) {
				return config.Merge(o.config, data, name, patch)
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "where the sections are; left out: on standard input")
	return cmd
}

func (o *options) configUnsetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unset SECTION...", Short: "Take sections out of the config file",
		Long: `Take whole sections, such as ha and azure, out of the file of --config. What is left
is checked and written as "config merge" does. A section that isn't there is no error.`,
		Example: "  releve-vsocket config unset ha azure",
		Args:    terminal.Arguments(1, 100, "the sections' names"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.rewrite(cmd.OutOrStdout(), func(data []byte) ([]byte, error) {
				return config.Unset(o.config, data, args...)
			})
		},
	}
}

func readPatch(in io.Reader, file string) (name string, patch []byte, err error) {
	if file != "" {
		patch, err = config.Read(file)
		return file, patch, err
	}
	patch, err = io.ReadAll(io.LimitReader(in, settings.MaxFile+1))
	if err == nil && len(patch) > settings.MaxFile {
		err = fmt.Errorf("more than %d bytes", settings.MaxFile)
	}
	if err != nil {
		err = fmt.Errorf("reading %s: %w", standardInput, err)
	}
	return standardInput, patch, err
}

// formerEnd is at the end of the name of the file before the last change.
const formerEnd = ".former"

// rewrite changes the config file, such that a power loss leaves the old one or the
// new one, and nobody else can read it.
func (o *options) rewrite(out io.Writer, change func([]byte) ([]byte, error)) error {
	path, err := filepath.EvalSymlinks(o.config)
	if errors.Is(err, os.ErrNotExist) {
		_, err = config.Read(o.config) // which says what to do
	}
	if err != nil {
		return err
	}
	folder, err := disk.Own(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(rewriteIn(out, folder, filepath.Base(path), o.config, change), folder.Close())
}

func rewriteIn(out io.Writer, folder disk.Folder, name, path string, change func([]byte) ([]byte, error)) error {
	data, err := folder.Read(name)
	if err != nil {
		return err
	}
	changed, err := change(data)
	switch {
	case err != nil:
		return err
	case bytes.Equal(changed, data):
		fmt.Fprintf(out, "%s is as it should be already\n", path)
		return nil
	}
	if err := disk.Replace(folder, name+formerEnd, data); err != nil {
		return err
	}
	if err := disk.Replace(folder, name, changed); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is changed; the former one is %s\n", path, path+formerEnd)
	return nil
}
