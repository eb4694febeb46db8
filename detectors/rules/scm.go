package rules

// scm holds the credentials of source control.
var scm = []Rule{
	{
		ID:   "github-token",
		Kind: "github",
		Doc:  "GitHub token: personal, OAuth, user, server or refresh; its CRC-32 is not asked for, so that a mistyped one is masked too",
		// The prefixes and the checksum in the last six characters: github.blog,
		// "Behind GitHub's new authentication token formats".
		Source:  "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats",
		Pattern: `gh[pousr]_[0-9A-Za-z]{36,251}`,
	},
	{
		ID:      "github-fine-grained-token",
		Kind:    "github",
		Doc:     "GitHub fine-grained personal access token; its CRC-32 is not asked for, so that a mistyped one is masked too",
		Source:  "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats",
		Pattern: `github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}`,
	},
}
