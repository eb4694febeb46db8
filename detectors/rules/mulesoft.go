package rules

// mulesoft holds the credentials of MuleSoft's Anypoint Platform and of the Mule runtime.
var mulesoft = []Rule{
	{
		ID: "anypoint-client-secret", Kind: "anypoint",
		Doc:        "Anypoint Platform client id or secret, of an organisation, an environment or a connected app",
		Source:     "https://docs.mulesoft.com/access-management/connected-apps-developers",
		Keywords:   []string{"anypoint", "cloudhub", "mulesoft", "connectedapp"},
		Pattern:    `[0-9A-Fa-f]{32}`,
		MinEntropy: 2,
	},
	{
		ID: "anypoint-access-token", Kind: "anypoint",
		Doc:      "Anypoint Platform access token",
		Source:   "https://docs.mulesoft.com/access-management/saml-bearer-token",
		Keywords: []string{"anypoint"},
		Pattern:  `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`,
	},
	{
		ID: "mule-agent-token", Kind: "mule",
		Doc:      "registration token of a Mule runtime's agent (amc_setup -H)",
		Source:   "https://docs.mulesoft.com/runtime-manager/servers-create",
		Keywords: []string{"agent_token", "agent-token", "agenttoken", "amc_setup", "registration_token", "registration-token", "registrationtoken"},
		Pattern:  `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}---[0-9]{4,10}`,
	},
	{
		ID: "mule-encryption-key", Kind: "mule",
		Doc:      "key of Mule secure configuration properties",
		Source:   "https://docs.mulesoft.com/mule-runtime/latest/secure-configuration-properties",
		Keywords: []string{"mule.key", "mule_key", "mule-key", "mule.encryption", "mule_encryption", "encryption.key", "secure.key", "vault.key"},
		Pattern:  `[\w!@#%^*+=/.~-]{8,64}`,
	},
	{
		ID: "mule-gateway-credential", Kind: "mule",
		Doc:        "API gateway client id or secret of a Mule runtime",
		Source:     "https://docs.mulesoft.com/mule-gateway/mule-gateway-org-credentials-mule4",
		Keywords:   []string{"anypoint.platform.client", "anypoint.platform.encryption"},
		Pattern:    `[0-9A-Fa-f]{32}|[A-Za-z0-9+/=]{16,64}`,
		MinEntropy: 2,
	},
}
