package trunk

import (
	"testing"

	"github.com/carillon-cc/carillon/ccs"
)

func TestGuardDecidesByTheLongestPrefix(t *testing.T) {
	france := ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+33", "+49", "112"}, Blocked: []string{"+336", "+4930"}}
	everywhere := ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+"}}
	rows := []struct {
		name, typed string
		policy      ccs.TrunkOutgoing
		want        Guard
	}{
		{"allowed", "0123456789", france, ""},
		{"international form", "+33123456789", france, ""},
		{"not allowed", "+12125550123", france, GuardPrefix},
		{"blocked within allowed", "0612345678", france, GuardBlocked},
		{"blocked city", "+4930123456", france, GuardBlocked},
		{"allowed within blocked", "0612345678", ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+33", "+33612"}, Blocked: []string{"+336"}}, ""},
		{"same prefix in both", "0123456789", ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+331"}, Blocked: []string{"+331"}}, GuardBlocked},
		{"nothing allowed", "0123456789", ccs.TrunkOutgoing{Country: "FR"}, GuardPrefix},
		{"everything allowed", "+12125550123", everywhere, ""},
		{"Taiwan is not a satellite", "+886223456789", everywhere, ""},

		{"service number that is listed", "112", france, ""},
		{"service number that is not", "15", france, GuardNumber},
		{"service number in no list", "3103", everywhere, GuardNumber},
		{"service number in both lists", "112", ccs.TrunkOutgoing{Allowed: []string{"112"}, Blocked: []string{"112"}}, GuardBlocked},

		{"premium", "0899123456", everywhere, GuardPremium},
		{"premium within its country", "0899123456", france, GuardPremium},
		{"premium with a wide prefix", "0899123456", ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+338"}}, GuardPremium},
		{"premium that is named", "0899123456", ccs.TrunkOutgoing{Country: "FR", Allowed: []string{"+3389"}}, ""},
		{"shared cost", "0825123456", france, GuardPremium},
		{"American premium", "+19005551234", ccs.TrunkOutgoing{Allowed: []string{"+1"}}, GuardPremium},
		{"satellite", "+881612345678", everywhere, GuardPremium},
		{"satellite that is named", "+881612345678", ccs.TrunkOutgoing{Allowed: []string{"+881"}}, ""},
		{"overdialled premium", "0899123456 12", france, GuardNumber},
		{"overdialled premium where numbers have no fixed length", "+49 900 1234567 00", ccs.TrunkOutgoing{Allowed: []string{"+49"}}, GuardPremium},
		{"overdialled premium of Italy", "+39 899 123456 789", ccs.TrunkOutgoing{Allowed: []string{"+39"}}, GuardPremium},
		{"overdialled premium that is named", "+49 900 1234567 00", ccs.TrunkOutgoing{Allowed: []string{"+49900"}}, ""},
		{"service number as a national one", "11833", ccs.TrunkOutgoing{Country: "DE", Allowed: []string{"+49"}}, GuardPremium},
		{"the same from abroad", "+4911833", ccs.TrunkOutgoing{Allowed: []string{"+49"}}, GuardPremium},
		{"the same with digits after it", "+491183300", ccs.TrunkOutgoing{Allowed: []string{"+49"}}, GuardPremium},
		{"Swedish directory", "118118", ccs.TrunkOutgoing{Country: "SE", Allowed: []string{"+46"}}, GuardPremium},
		{"short number of a town", "643212", ccs.TrunkOutgoing{Country: "DE", Allowed: []string{"+49"}}, ""},
		{"overdialled number of a town", "+49 30 1234567890", ccs.TrunkOutgoing{Allowed: []string{"+49"}}, ""},
		{"number of a range that is not known", "+49 199 1234567", ccs.TrunkOutgoing{Allowed: []string{"+49"}}, ""},
		{"national zero after the code", "+330899123456", france, GuardPremium},
	}
	for _, row := range rows {
		if n, got := Allow(row.typed, row.policy); got != row.want {
			t.Errorf("%s: %s (%s) gave %q, want %q", row.name, row.typed, n, got, row.want)
		}
	}
}
