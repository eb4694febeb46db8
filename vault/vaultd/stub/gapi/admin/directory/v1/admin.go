// Package admin stands in for Google's; only the JWT method's G Suite provider uses it.
package admin

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/api/option"
)

const (
	AdminDirectoryGroupReadonlyScope = ""
	AdminDirectoryUserReadonlyScope  = ""
)

var errStub = errors.New("admin: stub")

type Service struct {
	Groups GroupsService
	Users  UsersService
}

func NewService(context.Context, ...option.ClientOption) (*Service, error) { return nil, errStub }

type Group struct{ Email string }

type Groups struct{ Groups []*Group }

type GroupsService struct{}

func (GroupsService) List() *GroupsListCall { return nil }

type GroupsListCall struct{}

func (c *GroupsListCall) UserKey(string) *GroupsListCall                 { return c }
func (c *GroupsListCall) Domain(string) *GroupsListCall                  { return c }
func (c *GroupsListCall) Fields(...string) *GroupsListCall               { return c }
func (*GroupsListCall) Pages(context.Context, func(*Groups) error) error { return errStub }

type User struct{ CustomSchemas map[string]json.RawMessage }

type UsersService struct{}

func (UsersService) Get(string) *UsersGetCall { return nil }

type UsersGetCall struct{}

func (c *UsersGetCall) Context(context.Context) *UsersGetCall { return c }
func (c *UsersGetCall) Projection(string) *UsersGetCall       { return c }
func (c *UsersGetCall) CustomFieldMask(string) *UsersGetCall  { return c }
func (c *UsersGetCall) Fields(...string) *UsersGetCall        { return c }
func (*UsersGetCall) Do() (*User, error)                      { return nil, errStub }
