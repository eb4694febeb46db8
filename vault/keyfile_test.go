package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestLoadOrCreateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "local.key")
	if _, err := LoadKey(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	k, created, err := LoadOrCreateKey(path)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	again, created, err := LoadOrCreateKey(path)
	if err != nil || created || again.ID() != k.ID() {
		t.Fatal(created, err)
	}
	if !bytes.Equal(k.root.bytes(), again.root.bytes()) || bytes.Equal(k.root.bytes(), make([]byte, 32)) {
		t.Error("not the key that was written")
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 || st.Size() != int64(keyFileSize) {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", st.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left beside the key: %v, %v", left, err)
	}
	if other, _, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "k")); err != nil || other.ID() == k.ID() {
		t.Errorf("two new keys are equal: %v", err)
	}
}

func TestKeyFileRefused(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good")
	if _, _, err := LoadOrCreateKey(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Split(string(text), "\n")[1]
	write := func(mode os.FileMode, content []byte) func(string) error {
		return func(path string) error {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	cases := map[string]struct {
		make func(path string) error
		want string
	}{
		"empty":     {write(0o600, nil), "is empty"},
		"foreign":   {write(0o600, []byte("-----BEGIN PRIVATE KEY-----\n")), "not a logveil key file"},
		"version 2": {write(0o600, bytes.Replace(text, []byte("key 1"), []byte("key 2"), 1)), "version"},
		"long":      {write(0o600, append(bytes.Clone(text), '\n')), "wrong length"},
		"group":     {write(0o640, text), "mode 0640"},
		"world":     {write(0o604, text), "mode 0604"},
		"setuid":    {write(0o611, text), "mode 0611"},
		"folder":    {func(p string) error { return os.Mkdir(p, 0o700) }, "regular file"},
		"pipe":      {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "regular file"},
		"link":      {func(p string) error { return os.Symlink(good, p) }, "symbolic link"},
		"dangling":  {func(p string) error { return os.Symlink(p+".none", p) }, "symbolic link"},
		"open folder": {func(p string) error {
			if err := write(0o600, text)(p); err != nil {
				return err
			}
			return os.Chmod(filepath.Dir(p), 0o777)
		}, "everybody"},
	}
	for i := range text {
		if i == 0 {
			continue
		}
		cases[fmt.Sprintf("cut at %d", i)] = struct {
			make func(path string) error
			want string
		}{write(0o600, text[:i]), "key file"}
		bad := bytes.Clone(text)
		bad[i] ^= 1 << (i % 7)
		cases[fmt.Sprintf("byte %d damaged", i)] = struct {
			make func(path string) error
			want string
		}{write(0o600, bad), "key file"}
	}
	if runtime.GOOS == "windows" {
		t.Fatal("the cases are those of a unix system")
	}
	dir := t.TempDir()
	for name, c := range cases {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"), "local.key")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.make(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, created, err := LoadOrCreateKey(path)
		if err == nil || created {
			t.Errorf("%s: taken", name)
			continue
		}
		var kerr *KeyFileError
		if msg := err.Error(); !errors.As(err, &kerr) || strings.Count(msg, path) != 1 || !strings.Contains(msg, c.want) || strings.Contains(msg, body[:8]) {
			t.Errorf("%s: %v", name, msg)
		}
	}
}

func TestKeyFileNotMade(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root writes everywhere; a file in the place of the folder stops it too.
		t.Log("as root")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "local.key")
	_, _, err := LoadOrCreateKey(path)
	var kerr *KeyFileError
	if !errors.As(err, &kerr) || kerr.Path != path || strings.Count(err.Error(), file) != 1 {
		t.Errorf("%v", err)
	}
}

// Many goroutines and processes that start at once agree on one key.
func TestKeyFileRace(t *testing.T) {
	if path := os.Getenv("LOGVEIL_TEST_KEY"); path != "" {
		for { // until the starting shot
			if _, err := os.Stat(path + ".go"); err == nil {
				break
			}
		}
		k, _, err := LoadOrCreateKey(path)
		if err != nil {
			fmt.Println("kid error", err)
			return
		}
		fmt.Println("kid", k.ID())
		return
	}
	path := filepath.Join(t.TempDir(), "state", "local.key")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	ids := make(chan string, 100)
	var wg sync.WaitGroup
	for range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKeyFileRace$", "-test.v")
		cmd.Env = append(os.Environ(), "LOGVEIL_TEST_KEY="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for sc := bufio.NewScanner(out); sc.Scan(); {
				if id, ok := strings.CutPrefix(sc.Text(), "kid "); ok {
					ids <- id
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	for range 8 {
		wg.Go(func() {
			for {
				if _, err := os.Stat(path + ".go"); err == nil {
					break
				}
				runtime.Gosched()
			}
			k, _, err := LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids <- k.ID()
		})
	}
	if err := os.WriteFile(path+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(ids)
	n, first := 0, ""
	for id := range ids {
		if n++; first == "" {
			first = id
		}
		if id != first {
			t.Errorf("%q and %q", first, id)
		}
	}
	if n != 12 {
		t.Errorf("%d keys, want 12", n)
	}
}

func TestDefaultKeyPath(t *testing.T) {
	for _, c := range []struct{ state, home, want string }{
		{"/s", "/h", "/s/logveil/local.key"}, {"", "/h", "/h/.local/state/logveil/local.key"},
		{"relative", "/h", "/h/.local/state/logveil/local.key"}, {"", "", ""}, {"relative", "relative", ""}, {"/s", "", "/s/logveil/local.key"},
	} {
		t.Setenv("XDG_STATE_HOME", c.state)
		t.Setenv("HOME", c.home)
		got, err := DefaultKeyPath()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("state %q, home %q: %q, %v", c.state, c.home, got, err)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "k")
	if _, _, err := LoadOrCreateKey(path); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("logveil-key 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := parseKeyFile(b)
		if err == nil && (len(root) != rootBytes || len(b) != keyFileSize) {
			t.Fatalf("%d bytes from %d", len(root), len(b))
		}
	})
}
