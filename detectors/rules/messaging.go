package rules

// messaging holds the credentials of chat, mail and telephony services.
var messaging = []Rule{
	{
		ID:      "slack-bot-token",
		Kind:    "slack",
		Doc:     "Slack bot token",
		Source:  "https://docs.slack.dev/authentication/tokens",
		Pattern: `xoxb-[0-9]{9,14}-(?:[0-9]{9,14}-)?[0-9A-Za-z]{16,34}`,
	},
	{
		ID:      "slack-user-token",
		Kind:    "slack",
		Doc:     "Slack user token",
		Source:  "https://docs.slack.dev/authentication/tokens",
		Pattern: `xoxp-[0-9]{9,14}-[0-9]{9,14}-(?:[0-9]{9,14}-)?[0-9A-Za-z]{28,34}`,
	},
	{
		ID:      "slack-legacy-token",
		Kind:    "slack",
		Doc:     "Slack legacy workspace, user or browser token",
		Source:  "https://docs.slack.dev/authentication/tokens",
		Pattern: `xox[aorsc]-(?:[0-9]-)?[0-9A-Za-z-]{10,72}`,
	},
	{
		ID:      "slack-app-token",
		Kind:    "slack",
		Doc:     "Slack app-level token",
		Source:  "https://docs.slack.dev/authentication/tokens",
		Pattern: `xapp-[0-9]-[A-Z0-9]{8,15}-[0-9]{10,15}-[0-9A-Za-z]{32,72}`,
	},
	{
		ID:      "slack-configuration-token",
		Kind:    "slack",
		Doc:     "Slack app configuration token, access or refresh",
		Source:  "https://docs.slack.dev/authentication/configuration-tokens",
		Pattern: `xoxe(?:\.xox[bp])?-[0-9]-[0-9A-Za-z]{100,220}`,
	},
	{
		ID:      "slack-webhook",
		Kind:    "slack",
		Doc:     "path of a Slack incoming webhook or workflow trigger",
		Source:  "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
		Pattern: `hooks\.slack\.com/(?:services|workflows|triggers)/([0-9A-Za-z/_+-]{20,80})`,
	},
}
