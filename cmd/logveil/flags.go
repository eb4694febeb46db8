package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of a few words.
type choice struct {
	word  string
	words []string
}

func (c *choice) String() string { return c.word }
func (c *choice) Type() string   { return "WORD" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errors.New("not one of them")
	}
	c.word = s
	return nil
}

// format adds the flag --format.
func format(cmd *cobra.Command, usage string) *choice {
	c := &choice{"text", []string{"text", "json"}}
	cmd.Flags().Var(c, "format", usage+": text or json")
	complete(cmd, "format", c.words...)
	return c
}

// policyFlag adds the flag --policy of commands that make or read tokens.
func policyFlag(cmd *cobra.Command) *string {
	return policyFlagFor(cmd, "policy `FILE`; without one every kind is looked for, and tokens are those of the local key")
}

// finderFlag adds the flag --policy of commands that only find.
func finderFlag(cmd *cobra.Command) *string {
	return policyFlagFor(cmd, "policy `FILE`; without one every kind is looked for")
}

func policyFlagFor(cmd *cobra.Command, usage string) *string {
	p := cmd.Flags().StringP("policy", "p", "", usage)
	if err := cmd.MarkFlagFilename("policy", "yml", "yaml"); err != nil {
		panic("BUG: " + err.Error())
	}
	return p
}

// keyFlag adds the flag --key-file of commands that read a key.
func keyFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("key-file", "", "key `FILE` of the local scheme, instead of the policy's")
}

func complete(cmd *cobra.Command, flag string, words ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("BUG: " + err.Error())
	}
}
