package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"logveil/internal/config"
	"logveil/internal/pipe"
	"logveil/redact"
)

func (a *app) tokenCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token KIND [VALUE]",
		Short: "Say which tokens a value has",
		Long: `Token writes the tokens that a value of the kind has, or had, under every version and epoch
of the keys that are left, the oldest first, a line for each: with them, stored logs are
searched for the value without reading any other.

Without VALUE, the value is read from standard input, without the end of its line. Give real
values there: a VALUE on the command line is seen by whoever may list processes, and stays
in the shell's history.

A value that does not look like one of its kind is refused, because a search for the tokens
of a slip looks like a search without hits: an address without an @, a card number whose check digit does not agree, a blank at
the end. That can be told of card, email, iban, ipv4, ipv6, mac, phone and ssn. Behind a key
such values are redacted, too; --force makes their tokens.

Where the policy names a Vault, tokens are made under the Vault token of the person who
runs it (VAULT_TOKEN, or ~/.vault-token). Keys that it may not use are named on standard
error.`,
		Example: `  printf %s ann@example.com | logveil token -p policy.yml email > tokens
  grep -F -f tokens app.log`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("a token of which kind?")
			case len(args) > 2:
				return usagef("one value; quote one that holds spaces")
			case !slices.Contains(config.KindNames(), args[0]):
				return usagef("unknown kind; 'logveil check' lists them")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return config.KindNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	policy, key := policyFlag(cmd), keyFlag(cmd)
	tenant := tenantFlag(cmd, "the tenant `NAME` that the value belongs to; * is all")
	reason := cmd.Flags().String("reason", "", "the reason as `TEXT`, for Vault's audit log")
	form := format(cmd, "form of the output")
	force := cmd.Flags().Bool("force", false, "make the tokens of a value that does not look like one of the kind, too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := a.openPolicy(*policy, *key)
		if err != nil {
			return err
		}
		return a.token(cmd.Context(), p, config.ReadOptions{Tenant: *tenant, Reason: *reason}, form.word, *force, args)
	}
	return cmd
}

func (a *app) token(ctx context.Context, p *config.Policy, o config.ReadOptions, form string, force bool, args []string) error {
	value, err := a.value(ctx, args[1:])
	if err != nil {
		return err
	}
	defer clear(value)
	kind := redact.Kind(args[0])
	if !force && !config.LooksLike(kind, value) {
		return usagef("the value does not look like one of the kind %s: a slip? --force makes its tokens all the same", kind)
	}
	r, err := p.Reader(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	tokens, err := r.Tokens(ctx, kind, value)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	var denied error
	for _, t := range tokens {
		if t.Err != nil {
			denied = errors.Join(denied, t.Err)
			continue
		}
		if form != "json" {
			b.WriteString(t.Token + "\n")
			continue
		}
		line, err := json.Marshal(struct {
			Token   string `json:"token"`
			Scheme  string `json:"scheme"`
			Key     string `json:"key,omitempty"`
			Version int    `json:"version,omitempty"`
			Epoch   int    `json:"epoch,omitempty"`
			Tenant  string `json:"tenant,omitempty"`
		}{t.Token, t.KeyID.Scheme, t.KeyID.Key, t.KeyID.Version, t.KeyID.Epoch, t.KeyID.Tenant})
		if err != nil {
			panic("BUG: token: " + err.Error())
		}
		b.Write(append(line, '\n'))
	}
	if _, err := pipe.Stdout(a.stdout).Write(b.Bytes()); err != nil {
		return err
	}
	a.noteDenied(r.Denied)
	return denied
}

// noteDenied names the keys that the caller may not use.
func (a *app) noteDenied(keys []string) {
	if len(keys) > 0 {
		a.note("Vault does not let you use %s", strings.Join(keys, ", "))
	}
}

// value returns the value of the command line, or else standard input without its end of
// line.
func (a *app) value(ctx context.Context, args []string) ([]byte, error) {
	if len(args) > 0 {
		return []byte(args[0]), nil
	}
	if term.IsTerminal(int(a.stdin.Fd())) {
		a.note("type the value; Ctrl-D ends it")
	}
	in, err := pipe.Open(ctx, "-", a.stdin)
	if err != nil {
		return nil, err
	}
	const longest = 1 << 20
	b, err := io.ReadAll(io.LimitReader(in, longest+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > longest:
		return nil, errors.New("standard input is too long for a value")
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	if b = bytes.TrimSuffix(b, []byte("\r")); len(b) == 0 {
		return nil, usagef("there is no value on standard input")
	}
	return b, nil
}
