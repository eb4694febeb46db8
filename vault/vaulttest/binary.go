package vaulttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Binary returns where the vaultd of this source tree is kept: in the user's cache, in a
// folder named after a digest of its source. It is there after Build.
func Binary() (string, error) {
	src, err := source()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	err = fs.WalkDir(os.DirFS(src), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(src, path))
		if err != nil {
			return err
		}
		fmt.Fprintln(h, path, len(text))
		_, err = h.Write(text)
		return err
	})
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "logveil", "vaultd-"+hex.EncodeToString(h.Sum(nil)[:8]), "vaultd"), nil
}

// source returns the folder vault/vaultd of the module around the working directory.
func source() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		src := filepath.Join(dir, "vault", "vaultd")
		if _, err := os.Stat(filepath.Join(src, "go.mod")); err == nil {
			return src, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not inside the source tree")
		}
		dir = up
	}
}

// Build makes the binary unless it is there, and returns where.
func Build() (string, error) {
	bin, err := Binary()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	src, err := source()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		return "", err
	}
	// Under another name first, so that nobody starts half of it.
	part := fmt.Sprintf("%s.%d", bin, os.Getpid())
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", part, ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = src, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build vaultd: %w", err)
	}
	return bin, os.Rename(part, bin)
}
