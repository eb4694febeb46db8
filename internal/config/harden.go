package config

import "logveil/vault"

// Harden keeps what this process holds from core dumps and from debuggers of the same
// user. A program calls it first; an error says what the system does not allow.
func Harden() error { return vault.HardenProcess() }
