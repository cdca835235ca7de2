package main

import (
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/sim"
)

// presets applies what a scenario asks for where the user has not said
// otherwise. Several scenarios may want different things, so that only one by
// itself is heard.
func (o *sendOptions) presets(cmd *cobra.Command, r *sendRun) error {
	if len(r.plan.Sources) != 1 || r.plan.Sources[0].Scenario == nil {
		return nil
	}
	r.scenario = r.plan.Sources[0].Scenario
	for _, p := range r.scenario.Presets {
		if cmd.Flags().Changed(p.Flag) {
			continue
		}
		if err := cmd.Flags().Set(p.Flag, p.Value); err != nil {
			return r.scenario.Errorf("$.send."+strings.ReplaceAll(p.Flag, "-", "_"), "%v", reword(err))
		}
		r.preset = append(r.preset, "--"+p.Flag+" "+p.Value)
	}
	return nil
}

// remarks say what a reader of the run has to know about the scenario's own
// wishes.
func (r *sendRun) remarks() []string {
	var out []string
	if len(r.preset) > 0 {
		out = append(out, "the scenario sets "+strings.Join(r.preset, " "))
	}
	if r.scenario == nil {
		for _, src := range r.plan.Sources {
			if wishes(src.Scenario) {
				return []string{"scenarios sent together get neither their flags nor their receiver's behaviour"}
			}
		}
		return nil
	}
	behaves := len(r.scenario.Receiver.Respond) > 0 || r.scenario.Receiver.TokenTTL > 0
	switch {
	case behaves && r.embedded == nil:
		out = append(out, "the scenario's receiver section is for the embedded receiver; this endpoint answers as it likes")
	case len(r.scenario.Receiver.Respond) > 0:
		out = append(out, "the receiver answers "+strings.Join(r.scenario.Receiver.Respond, "; "))
	}
	return out
}

func wishes(sc *sim.Scenario) bool {
	return sc != nil && (len(sc.Presets) > 0 || len(sc.Receiver.Respond) > 0 || sc.Receiver.TokenTTL > 0)
}
