package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"logveil/internal/config"
	"logveil/internal/pipe"
	"logveil/redact"
)

func (a *app) vaultCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vault",
		Short: "Keep the keys of a policy in Vault",
		Long: `The commands under vault make, check, rotate and destroy the keys that a policy's section
"vault" names, and print the Vault policies of the people and programs around them.

They work under the Vault token of the person who runs them: the environment variable
VAULT_TOKEN, or the file ~/.vault-token that 'vault login' writes. No token of Vault, and
no value, is ever printed.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(a.vaultInitCmd(), a.vaultCheckCmd(), a.vaultManifestCmd(), a.vaultPolicyCmd(), a.vaultRotateCmd(), a.vaultRewrapCmd(), a.vaultShredCmd())
	return cmd
}

// vaultPolicy adds the flag --policy, and returns what loads the policy that it names.
func (a *app) vaultPolicy(cmd *cobra.Command) func() (*config.Policy, error) {
	file := policyFlagFor(cmd, "policy `FILE` with a section vault; required")
	return func() (*config.Policy, error) {
		if *file == "" {
			return nil, usagef("which policy? --policy FILE")
		}
		p, err := a.openPolicy(*file, "")
		if err == nil && !p.HasVault() {
			return nil, usageError{config.ErrNoVault}
		}
		return p, err
	}
}

// tenantFlag adds the flag --tenant.
func tenantFlag(cmd *cobra.Command, usage string) *string {
	return cmd.Flags().String("tenant", config.AllTenants, usage)
}

func dryRunFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("dry-run", false, "say what would be done, and change nothing")
}

// table writes rows of words in columns.
func (a *app) table(rows [][]string) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	t.Flush()
	_, err := pipe.Stdout(a.stdout).Write(b.Bytes())
	return err
}

// noteDryRun says that nothing was changed.
func (a *app) noteDryRun(dryRun bool) {
	if dryRun {
		a.note("a dry run: nothing was changed")
	}
}

func (a *app) vaultInitCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the keys of a policy",
		Long: `Init mounts the transit engine, makes the keys that the policy's schemes and tenants need,
and lets Vault's audit log hold the reasons of reveals. What is there already stays as it
is, so it can be run again, after a tenant was added for instance. A key of the right name
and the wrong sort is an error.

It needs a Vault token that may do that: one with the policy of the role operator, which
'logveil vault policy' prints, or the first time an administrator's.`,
		Example: `  vault login
  logveil vault init --policy policy.yml --dry-run
  logveil vault init --policy policy.yml`,
		Args: noArgs,
	}
	load, dryRun := a.vaultPolicy(cmd), dryRunFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		op, err := a.operator(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer op.Close()
		steps, err := op.Init(cmd.Context(), *dryRun)
		var rows [][]string
		made := false
		for _, s := range steps {
			rows = append(rows, []string{s.Done, s.What})
			made = made || s.Done == "made"
		}
		if err := errors.Join(a.table(rows), err); err != nil {
			return err
		}
		a.noteDryRun(*dryRun)
		if made && !*dryRun {
			a.note("next: give redactors the Vault policy that 'logveil vault policy --role redactor' prints")
		}
		return nil
	}
	return cmd
}

// operator loads the policy and logs in with the caller's own token.
func (a *app) operator(ctx context.Context, load func() (*config.Policy, error)) (*config.Operator, error) {
	p, err := load()
	if err != nil {
		return nil, err
	}
	return p.Operator(ctx)
}

func (a *app) vaultCheckCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find out whether a redactor would start",
		Long: `Check logs in as the policy says that a redactor does, and does with every key what a
redactor does at its start: looks at its type and versions, and makes tokens of random
values. It writes a line for each key: the versions whose tokens can be read, and the kid
that new tokens bear.

With --own-token it does so under the caller's token instead. The exit code is 1 when a
key cannot be used.`,
		Example: `  logveil vault check --policy policy.yml`,
		Args:    noArgs,
	}
	load := a.vaultPolicy(cmd)
	tenant := tenantFlag(cmd, "look at the keys of this `NAME` only; * is all")
	own := cmd.Flags().Bool("own-token", false, "use the caller's Vault token")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, err := load()
		if err != nil {
			return err
		}
		start := p.AsRedactor
		switch {
		case *own:
			start = p.Operator
		case p.Vault.Auth.Wrapped:
			return usagef("a wrapped secret id can be used once, and the redactor needs it: try --own-token")
		}
		op, err := start(cmd.Context())
		if err != nil {
			return err
		}
		defer op.Close()
		results, err := op.Check(cmd.Context(), *tenant)
		if err != nil {
			return err
		}
		rows := [][]string{{"KEY", "SCHEME", "VERSIONS", "KID", "STATE"}}
		var bad []error
		for _, r := range results {
			row := []string{r.Ref.Key, r.Ref.Scheme, fmt.Sprintf("%d-%d", r.Oldest, r.Newest), r.Kid, "good"}
			if r.Err != nil {
				bad = append(bad, r.Err)
				row[4] = "cannot be used"
				if r.Kid == "" {
					row[2], row[3] = "-", "-"
				}
			}
			rows = append(rows, row)
		}
		if err := a.table(rows); err != nil {
			return err
		}
		return errors.Join(bad...)
	}
	return cmd
}

// kinds is a flag that takes kinds, separated by commas.
type kinds []redact.Kind

func (k *kinds) Type() string   { return "KINDS" }
func (k *kinds) String() string { return "" }

func (k *kinds) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if !slices.Contains(config.KindNames(), name) {
			return errors.New("not a kind")
		}
		*k = append(*k, redact.Kind(name))
	}
	return nil
}

var _ pflag.Value = (*kinds)(nil)

func (a *app) vaultPolicyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print the least Vault policies",
		Long: `Policy prints, in HCL, what Vault must allow to each role, and no more. It does not talk to
Vault.

  redactor      make tokens; under the scheme envelope that means to read them too
  investigator  read tokens, and search for the tokens of a value
  auditor       see keys and policies, and no value
  operator      make, rotate, rewrap and destroy keys, and see no value

Redactors and investigators have a policy for each tenant. Both may derive envelope keys of
the kinds that the policy puts under that scheme, and of no other; --kinds narrows it down.
After a change of kinds, tenants or epoch, and after an update that brings new kinds, the
policies have to be written again.`,
		Example: `  logveil vault policy -p policy.yml --role redactor | vault policy write logveil-redactor -
  logveil vault policy -p policy.yml --role investigator --kinds email,card`,
		Args: noArgs,
	}
	load := a.vaultPolicy(cmd)
	tenant := tenantFlag(cmd, "print those of this `NAME` only; * is all")
	role := &choice{"all", []string{"all", "redactor", "investigator", "auditor", "operator"}}
	cmd.Flags().Var(role, "role", "print the policies of this role only")
	complete(cmd, "role", role.words...)
	var only kinds
	cmd.Flags().Var(&only, "kinds", "allow only these, separated by commas")
	cmd.RunE = func(*cobra.Command, []string) error {
		p, err := load()
		if err != nil {
			return err
		}
		policies, err := p.VaultPolicies(only)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		for _, pol := range policies {
			if role.word != "all" && pol.Role != role.word || *tenant != config.AllTenants && pol.Tenant != *tenant {
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "# %s: %s\n%s", pol.Name, pol.Doc, pol.HCL)
		}
		if b.Len() == 0 {
			return usagef("there is no such policy: 'logveil check' lists the tenants")
		}
		_, err = pipe.Stdout(a.stdout).Write(b.Bytes())
		return err
	}
	return cmd
}

func (a *app) vaultManifestCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "List the keys of all tokens that can be read",
		Long: `Manifest lists every key that made tokens of the policy and that Vault still has, of schemes
that are not in use now too: the kid, which stands in a token behind its kind, and the
scheme, key, version, epoch and tenant behind it.`,
		Example: `  logveil vault manifest -p policy.yml`,
		Args:    noArgs,
	}
	load := a.vaultPolicy(cmd)
	tenant := tenantFlag(cmd, "list those of this `NAME` only; * is all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		op, err := a.operator(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer op.Close()
		keys, err := op.Manifest(cmd.Context(), *tenant)
		if err != nil {
			return err
		}
		rows := [][]string{{"KID", "SCHEME", "KEY", "VERSION", "EPOCH", "TENANT"}}
		for _, k := range keys {
			row := []string{k.Kid(), k.Scheme, k.Key, strconv.Itoa(k.Version), "-", "-"}
			if k.Scheme == "envelope" {
				row[4] = strconv.Itoa(k.Epoch)
			}
			if k.Tenant != "" {
				row[5] = k.Tenant
			}
			rows = append(rows, row)
		}
		return a.table(rows)
	}
	return cmd
}

func (a *app) vaultRotateCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Give keys a new version",
		Long: `Rotate gives every key of the policy a new version. Old tokens stay readable, and
'logveil token' finds them; new tokens of the same values differ from them, until
'logveil vault rewrap' moves the old ones.

Redactors go on with the new version at their next refresh (vault.refresh). A policy that
names a key_version keeps its redactors there.

With --to a key that has the version already stays: a rotation that was interrupted is
finished by running it again.`,
		Example: `  logveil vault rotate -p policy.yml --dry-run
  logveil vault rotate -p policy.yml --to 2`,
		Args: noArgs,
	}
	load, dryRun := a.vaultPolicy(cmd), dryRunFlag(cmd)
	tenant := tenantFlag(cmd, "rotate the keys of this `NAME` only; * is all")
	to := cmd.Flags().Uint16("to", 0, "bring keys to this `VERSION`, instead of the next one of each tenant")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		op, err := a.operator(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer op.Close()
		done, err := op.Rotate(cmd.Context(), *tenant, int(*to), *dryRun)
		var rows [][]string
		for _, r := range done {
			what := "rotated"
			if r.From >= r.To {
				what = "has it"
			}
			rows = append(rows, []string{what, r.Mount + "/" + r.Key, fmt.Sprintf("version %d -> %d", r.From, r.To)})
		}
		if err := errors.Join(a.table(rows), err); err != nil {
			return err
		}
		a.noteDryRun(*dryRun)
		return nil
	}
	return cmd
}

func (a *app) vaultShredCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shred",
		Short: "Destroy keys, and with them what can be read",
		Long: `Shred destroys the keys of a tenant with all their versions, those of schemes that the
policy does not use now too. Every token of the tenant, in every copy and backup of the
logs, is unreadable for good. Which tokens are equal stays visible. A backup of Vault's
storage would bring the keys back.

With --old it destroys only the versions before the newest one: the tokens that 'logveil
vault rewrap' has not moved.

Redactors that hold an envelope key go on with it until their next refreshes have failed
for vault.max_key_age: stop them first.

It shows what it would destroy, and does it after the words that it asks for were typed.
Running it again when all is gone does nothing.`,
		Example: `  logveil vault shred -p policy.yml --tenant acme --dry-run
  logveil vault shred -p policy.yml --tenant acme`,
		Args: noArgs,
	}
	load, dryRun := a.vaultPolicy(cmd), dryRunFlag(cmd)
	tenant := cmd.Flags().String("tenant", "", "the tenant `NAME` whose keys go; without tenants in the policy, all keys")
	old := cmd.Flags().Bool("old", false, "destroy only the versions before the newest one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		op, err := a.operator(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer op.Close()
		todo, err := op.ShredPlan(cmd.Context(), *tenant, *old)
		if err != nil {
			return err
		}
		if len(todo) == 0 {
			a.note("there is nothing to destroy")
			return nil
		}
		var rows [][]string
		for _, s := range todo {
			rows = append(rows, []string{s.Mount + "/" + s.Key, fmt.Sprintf("versions %d-%d", s.From, s.To)})
		}
		if err := a.table(rows); err != nil {
			return err
		}
		if *dryRun {
			a.noteDryRun(true)
			return nil
		}
		words := op.ShredConfirmation(*tenant)
		a.note("tokens made with these can never be read again. Type %q to go on:", words)
		in, err := pipe.Open(cmd.Context(), "-", a.stdin)
		if err != nil {
			return err
		}
		// A line without an end counts: it must be the words all the same.
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		done, err := op.Shred(cmd.Context(), *tenant, *old, strings.TrimRight(line, "\r\n"))
		if err != nil {
			return err
		}
		a.note("destroyed: %s", plural(uint64(len(done)), "key"))
		return nil
	}
	return cmd
}

func (a *app) vaultRewrapCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rewrap [FILE...]",
		Short: "Move tokens to the newest version of their keys",
		Long: `Rewrap reads the files in order, or standard input when there is none, and writes their
text with every token moved to the newest version and epoch of its key. Equal values have
equal tokens afterwards, those made since the rotation too, so that joins hold. Tokens of
the scheme transit are moved by Vault, and no value comes here; those of envelope are
opened and sealed again in memory, under a token of Vault that may derive their keys.

Digests, and tokens that the caller may not move, stay as they are.`,
		Example: `  logveil vault rewrap -p policy.yml -o app.new.log app.log`,
	}
	load := a.vaultPolicy(cmd)
	tenant := tenantFlag(cmd, "move the tokens of this `NAME` only; * is all")
	output := cmd.Flags().StringP("output", "o", "", "write to `FILE` instead of standard output")
	quiet := cmd.Flags().BoolP("quiet", "q", false, "no summary")
	reason := cmd.Flags().String("reason", "", "the reason as `TEXT`, for Vault's audit log")
	dryRun := cmd.Flags().Bool("dry-run", false, "count the tokens, and write nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := load()
		if err != nil {
			return err
		}
		return a.rewrap(cmd.Context(), p, config.ReadOptions{Tenant: *tenant, Reason: *reason, Unbound: true}, *output, *dryRun, *quiet, args)
	}
	return cmd
}

func (a *app) rewrap(ctx context.Context, p *config.Policy, o config.ReadOptions, output string, dryRun, quiet bool, names []string) error {
	names, err := a.inputs(names)
	if err != nil {
		return err
	}
	if err := a.refuseOverwrite(names, output); err != nil {
		return err
	}
	r, err := p.Reader(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := a.output(output, 0o666)
	if err != nil {
		return err
	}
	defer out.Discard()
	var moved, newest, left uint64
	for _, name := range names {
		in, err := pipe.Open(ctx, name, a.stdin)
		if err != nil {
			return err
		}
		err = pipe.Words(ctx, out, in, func(dst, part []byte) ([]byte, error) {
			text, st, err := r.AppendRewrap(ctx, dst, part)
			moved, newest, left = moved+st.Moved, newest+st.Newest, left+st.Left
			if dryRun {
				text = dst
			}
			return text, err
		})
		in.Close()
		if err != nil {
			return err
		}
	}
	if !quiet {
		a.note("%s moved, %s of the newest version already, %s left as they are", plural(moved, "token"), group(newest), group(left))
	}
	if dryRun {
		a.noteDryRun(true)
		return nil
	}
	return out.Commit()
}
