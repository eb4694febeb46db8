package outputs

import (
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// TestManifests builds each kustomization as kubectl apply -k does, and reads every object
// as the API does that rejects what it does not know. What one object names in another must
// be there.
func TestManifests(t *testing.T) {
	for _, dir := range []string{"kubernetes", "runtime-fabric"} {
		t.Run(dir, func(t *testing.T) {
			options := krusty.MakeDefaultOptions()
			objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), deploy+"/"+dir)
			if err != nil {
				t.Fatal(err)
			}
			var set apps.DaemonSet
			var binding rbac.ClusterRoleBinding
			names := map[string]bool{}
			data := map[string]map[string]string{}
			for _, o := range objects.Resources() {
				text, err := o.AsYAML()
				if err != nil {
					t.Fatal(err)
				}
				var into any
				var files core.ConfigMap
				switch o.GetKind() {
				case "DaemonSet":
					into = &set
				case "ConfigMap":
					into = &files
				case "Namespace":
					into = &core.Namespace{}
				case "ServiceAccount":
					into = &core.ServiceAccount{}
				case "ClusterRole":
					into = &rbac.ClusterRole{}
				case "ClusterRoleBinding":
					into = &binding
				default:
					t.Fatalf("a %s", o.GetKind())
				}
				if err := yaml.UnmarshalStrict(text, into); err != nil {
					t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
				}
				names[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = true
				data[files.Name] = files.Data
			}
			const space = "logging"
			if set.Namespace != space || !names["Namespace /"+space] {
				t.Errorf("the DaemonSet is in %q; there are %v", set.Namespace, names)
			}
			pod := set.Spec.Template
			for k, v := range set.Spec.Selector.MatchLabels {
				if pod.Labels[k] != v {
					t.Errorf("the selector's %s is %q, the pods' %q", k, v, pod.Labels[k])
				}
			}
			if !names["ServiceAccount "+space+"/"+pod.Spec.ServiceAccountName] {
				t.Errorf("no account %q", pod.Spec.ServiceAccountName)
			}
			if !names["ClusterRole /"+binding.RoleRef.Name] || len(binding.Subjects) != 1 || binding.Subjects[0].Namespace != space || binding.Subjects[0].Name != pod.Spec.ServiceAccountName {
				t.Errorf("binding %+v", binding)
			}
			kept := map[string]map[string]string{} // of a volume
			for _, v := range pod.Spec.Volumes {
				kept[v.Name] = nil
				if v.ConfigMap != nil {
					if kept[v.Name] = data[v.ConfigMap.Name]; kept[v.Name] == nil {
						t.Errorf("no ConfigMap %q", v.ConfigMap.Name)
					}
				}
			}
			if len(pod.Spec.Containers) != 1 {
				t.Fatalf("%d containers", len(pod.Spec.Containers))
			}
			c := pod.Spec.Containers[0]
			files := map[string]bool{}
			for _, m := range c.VolumeMounts {
				in, ok := kept[m.Name]
				if !ok {
					t.Errorf("no volume %q", m.Name)
				}
				for name := range in {
					files[m.MountPath+"/"+name] = true
				}
			}
			for _, want := range []string{"/etc/fluent-bit/fluent-bit.yaml", "/etc/logveil/policy.yml"} {
				if !files[want] {
					t.Errorf("no %s in the pod, but %v", want, files)
				}
			}
			ports := map[intstr.IntOrString]bool{}
			for _, p := range c.Ports {
				ports[intstr.FromString(p.Name)] = true
			}
			for _, p := range []*core.Probe{c.ReadinessProbe, c.LivenessProbe} {
				if p == nil || p.HTTPGet == nil || !ports[p.HTTPGet.Port] {
					t.Errorf("probe %+v of a port that is none", p)
				}
			}
		})
	}
}
