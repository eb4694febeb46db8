package keys

import (
	"slices"
	"strings"
)

// Anchors returns the literals, in lower case, one of which stands in every key with a term
// of the kind: rare words as they are, common words with the operator behind them, and
// terms of common words joined in each way.
//
// Each literal costs the scanner a little on all text, and each place that has one costs a
// look of the detector, which is worth some hundred literals a place in every kilobyte.
func (d *Dictionary) Anchors(kind string) []string {
	var out []string
	texts := slices.Clone(d.texts[kind])
	// Short ones first, because longer ones may hold their anchors.
	slices.SortStableFunc(texts, func(a, b string) int { return strings.Count(a, " ") - strings.Count(b, " ") })
	operators := map[string]bool{}
	for _, text := range texts {
		words := strings.Split(text, " ")
		last := words[len(words)-1]
		rare := rarest(words, kind)
		switch {
		case spelled[text] != nil:
			out = append(out, spelled[text]...)
		case covered(words, out):
		case operators[last]:
			if d.blank[text] {
				out = append(out, text)
			}
		case rare != "":
			out = append(out, rare)
		case len(words) == 1:
			as := arounds
			if d.terms[text].Weak {
				as = weakArounds
			} else {
				operators[text] = true
			}
			for _, around := range as {
				out = append(out, strings.ReplaceAll(around, "?", text))
			}
			if tags[text] {
				out = append(out, text+">")
			}
			if d.blank[text] {
				out = append(out, " "+text+" ")
			}
		default:
			for _, b := range beginnings {
				if i := strings.Index(text, b); i == 0 || i > 0 && text[i-1] == ' ' {
					words = strings.Split(b, " ")
				}
			}
			for _, join := range joins {
				out = append(out, strings.Join(words, join))
			}
		}
	}
	slices.Sort(out)
	return without(slices.Compact(out))
}

// without drops literals that hold another one.
func without(lits []string) []string {
	return slices.DeleteFunc(slices.Clone(lits), func(l string) bool {
		return slices.ContainsFunc(lits, func(m string) bool { return m != l && strings.Contains(l, m) })
	})
}

// covered reports whether one of the anchors stands in a key of these words, in whatever way
// they are joined.
func covered(words, anchors []string) bool {
	for _, join := range joins {
		key := strings.Join(words, join)
		if !slices.ContainsFunc(anchors, func(a string) bool { return strings.Contains(key, a) }) {
			return false
		}
	}
	return true
}

// rarest returns the longest of the words that is not common, or nothing.
func rarest(words []string, kind string) (rare string) {
	for _, w := range words {
		if len(w) > len(rare) && len(w) >= minRare && (!common[w] || slices.Contains(own[kind], w)) {
			rare = w
		}
	}
	return rare
}

// minRare is the length of the shortest word that is an anchor by itself.
const minRare = 3

// own are common words that are anchors of a kind nevertheless.
var own = map[string][]string{"card": {"card"}, "name": {"card"}}

// spelled are the anchors of terms that share more than words, or that headers have with
// dashes.
var spelled = map[string][]string{
	"aadhaar":        {"aadha"},
	"aadhar":         {"aadha"},
	"passaporto":     {"passaport"},
	"passaporte":     {"passaport"},
	"exp month":      {"expm", "exp_m"},
	"exp year":       {"expy", "exp_y"},
	"medicare":       {"medica"},
	"medicaid":       {"medica"},
	"medical record": {"medica"},
	"first name":     {"firstname", "st_name", "st-name", "st name"},
	"last name":      {"lastname", "st_name", "st-name", "st name"},
	"full name":      {"fullname", "full_name", "full-name", "full name"},
	"family name":    {"familyname", "family_name", "family-name", "family name"},
	"user name":      {"username", "user_name", "user name"},
	"address 1":      {"address1", "address_", "address-"},
	"address 2":      {"address2", "address_", "address-"},
	"address line":   {"addressl", "address_", "address-", "address l"},
	"account number": {"accountn", "account_n", "account-n", "account n"},
	"phone number":   {"phonen", "phone_n", "phone-n"},
	"post code":      {"postcode", "post_code", "post-code", "post code"},
}

// beginnings stand for terms that share them: "account n" for account number, account
// no and account nr.
var beginnings = []string{"acct n", "card n", "contact n", "tax i", "tax n", "vat i", "vat n", "policy n"}

// joins are what may stand between the words of a key.
var joins = []string{"", "_", " "}

// arounds are a common word and the signs that it ends a key: to look for the operator with
// it is cheaper than any look after it.
var arounds = []string{`?"`, `?\`, "?=", "?:"}

// tags are common words that are looked for in XML as well.
var tags = set("address", "phone", "pin")

// weakArounds are the same for weak words, which must be whole keys.
var weakArounds = []string{`"?`, "<?>", " ?=", "(?=", "{?=", " ?:"}

// common are words that logs have everywhere, so that they are no anchors by themselves.
var common = wordSet(`
	aba account addr address atm calle card check cid city code complet conta contact data date day de
	delivery deposit display driver drivers dt ein exp expires family first flat fore full geo guest
	health home id identifier identity itin key kin la last lat legal line lon member micr month name
	names next no nom nombre nome nr num number numero of pan phone pin point policy post record ref
	reference registration screen second security sender sort sur tax tin town type user value
	village ville vin work year`)

func wordSet(text string) map[string]bool { return set(strings.Fields(text)...) }
