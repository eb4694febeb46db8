package rules

// cloud holds the credentials of cloud and hosting providers.
var cloud = []Rule{
	{
		ID:      "aws-access-key-id",
		Kind:    "aws",
		Doc:     "AWS access key id, long-term or temporary",
		Source:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids",
		Pattern: `(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}|A3T[A-Z0-9][A-Z0-9]{16}`,
	},
	{
		ID:         "aws-secret-access-key",
		Kind:       "aws",
		Doc:        "AWS secret access key: 40 characters of base64 behind a key that names AWS, or secret and access",
		Source:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
		Keywords:   []string{"aws_", "aws-", "aws.", "awsS", "amazon", "secret_access", "secretaccess", "secret-access", "secret_key", "secretkey", "secret-key"},
		Pattern:    `[A-Za-z0-9+/]{40}`,
		MinEntropy: 3.5,
	},
	{
		ID:      "gcp-api-key",
		Kind:    "gcp",
		Doc:     "Google API key",
		Source:  "https://cloud.google.com/docs/authentication/api-keys",
		Pattern: `AIza[\w-]{35}`,
	},
	{
		ID:         "gcp-service-account-key-id",
		Kind:       "gcp",
		Doc:        "id of a private key in a Google service account's key file",
		Source:     "https://cloud.google.com/iam/docs/keys-create-delete",
		Keywords:   []string{"private_key_id"},
		Pattern:    `[0-9a-f]{40}`,
		MinEntropy: 2,
	},
	{
		ID:      "gcp-oauth-access-token",
		Kind:    "gcp",
		Doc:     "Google OAuth 2.0 access token",
		Source:  "https://cloud.google.com/docs/authentication/token-types#access",
		Pattern: `ya29\.[\w-]{20,1000}`,
	},
	{
		ID:      "gcp-oauth-client-secret",
		Kind:    "gcp",
		Doc:     "Google OAuth 2.0 client secret",
		Source:  "https://developers.google.com/identity/protocols/oauth2",
		Pattern: `GOCSPX-[\w-]{28}`,
	},
}
