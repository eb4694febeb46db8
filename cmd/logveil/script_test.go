package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"logveil/vault/vaulttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"logveil": main})
}

// TestVaultScripts runs those scripts that need a Vault, each with one of its own: its
// address and CA file are in the environment, and VAULT_TOKEN is the root token.
func TestVaultScripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/cli/vault/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := vaulttest.Start(t)
			testscript.Run(t, testscript.Params{
				Files:               []string{file},
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					env.Setenv("ADDR", s.TLSAddr)
					env.Setenv("CA", s.CAFile)
					env.Setenv("AUDIT", s.Audit)
					env.Setenv("VAULT_TOKEN", s.RootToken)
					return os.WriteFile(filepath.Join(env.WorkDir, "root"), []byte(s.RootToken), 0o600)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					// token-file FILE POLICY makes a token under the HCL of a file.
					"token-file": func(ts *testscript.TestScript, _ bool, args []string) {
						token := s.Token(t, ts.ReadFile(args[1]), map[string]any{"no_default_policy": true})
						ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token), 0o600))
					},
					// as FILE runs what follows under the token of a file.
					"as":     func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("VAULT_TOKEN", ts.ReadFile(args[0])) },
					"seal":   func(*testscript.TestScript, bool, []string) { s.Seal(t) },
					"unseal": func(*testscript.TestScript, bool, []string) { s.Unseal(t) },
				},
			})
		})
	}
}

// TestScripts runs the golden scripts, one for each behaviour that users see.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/cli",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			dir, err := filepath.Abs("../../testdata/mule")
			env.Setenv("MULE", dir)
			return err
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}
