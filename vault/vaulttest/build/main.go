// Command build makes the Vault that the tests use and prints where it is:
//
//	go run ./vault/vaulttest/build
package main

import (
	"fmt"
	"os"

	"logveil/vault/vaulttest"
)

func main() {
	bin, err := vaulttest.Build()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vaulttest:", err)
		os.Exit(1)
	}
	fmt.Println(bin)
}
