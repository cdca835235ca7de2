// Package manifests tests the files of this folder. It is a module of its own, so
// that relayctl does not depend on Kubernetes.
package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects decodes a file strictly: an unknown or doubled field is an error.
func objects(t *testing.T, name string) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(batchv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []runtime.Object
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(doc, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, object)
	}
}

func TestTheJobsFitTogether(t *testing.T) {
	campaign := objects(t, "campaign.yaml")[0].(*batchv1.Job).Spec
	merge := objects(t, "merge.yaml")[0].(*batchv1.Job).Spec
	if campaign.CompletionMode == nil || *campaign.CompletionMode != batchv1.IndexedCompletion {
		t.Error("the campaign is not an Indexed Job")
	}
	send, collect := campaign.Template.Spec.Containers[0], merge.Template.Spec.Containers[0]
	completions := ""
	for _, e := range send.Env {
		if e.Name == "JOB_COMPLETIONS" {
			completions = e.Value
		}
	}
	if want := strconv.Itoa(int(*campaign.Completions)); completions != want {
		t.Errorf("JOB_COMPLETIONS is %q, the completions are %s", completions, want)
	}
	reports := 0
	for _, arg := range collect.Args {
		if strings.HasPrefix(arg, "/campaign/part-") {
			reports++
		}
	}
	if reports != int(*campaign.Completions) || send.Image != collect.Image {
		t.Errorf("%d reports of %d parts, images %s and %s", reports, *campaign.Completions, send.Image, collect.Image)
	}
}

// relayctl reads what the ConfigMap and the arguments hold.
func TestRelayctlTakesTheConfiguration(t *testing.T) {
	var configuration *corev1.ConfigMap
	for _, o := range objects(t, "configuration.yaml") {
		if c, ok := o.(*corev1.ConfigMap); ok {
			configuration = c
		}
	}
	dir := t.TempDir()
	for name, text := range configuration.Data {
		text = strings.ReplaceAll(text, "/etc/relay/secret", dir)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "relayctl")
	build := exec.Command("go", "build", "-o", binary, "./cmd/relayctl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	send := objects(t, "campaign.yaml")[0].(*batchv1.Job).Spec.Template.Spec.Containers[0]
	var args []string
	for _, arg := range send.Args {
		arg = strings.NewReplacer("$(JOB_COMPLETION_INDEX)", "2", "/campaign", dir).Replace(arg)
		args = append(args, arg)
	}
	cmd := exec.Command(binary, append(args, "--dry-run", "--count=1", "--events=message.delivered")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "JOB_COMPLETION_INDEX=2", "JOB_COMPLETIONS=4")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("deliveries planned, nothing sent, seed 1")) {
		t.Fatalf("%v: %s", err, out[max(0, len(out)-2000):])
	}
}
