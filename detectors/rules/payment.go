package rules

// payment holds the credentials of payment services.
var payment = []Rule{
	{
		ID:      "stripe-secret-key",
		Kind:    "stripe",
		Doc:     "Stripe secret or restricted API key, live or test",
		Source:  "https://docs.stripe.com/keys",
		Pattern: `(?:sk|rk)_(?:live|test|prod)_[0-9A-Za-z]{10,256}`,
	},
	{
		ID:      "stripe-webhook-secret",
		Kind:    "stripe",
		Doc:     "Stripe webhook signing secret",
		Source:  "https://docs.stripe.com/webhooks/signature",
		Pattern: `whsec_[0-9A-Za-z+/=]{32,76}`,
	},
}
