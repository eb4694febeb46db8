// Package impersonate stands in for Google's; only the JWT method's G Suite provider uses it.
package impersonate

import (
	"context"
	"errors"

	"golang.org/x/oauth2"
)

type CredentialsConfig struct {
	TargetPrincipal string
	Scopes          []string
	Subject         string
}

func CredentialsTokenSource(context.Context, CredentialsConfig) (oauth2.TokenSource, error) {
	return nil, errors.New("impersonate: stub")
}
