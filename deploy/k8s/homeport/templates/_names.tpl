{{/* Names and labels, and what every other template begins with. */}}

{{- define "homeport.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What finds the pods of a component (root, component); it never changes. */}}
{{- define "homeport.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of an object (root, component; more: its own); ours come first. */}}
{{- define "homeport.labels" -}}
{{- $ours := include "homeport.ownLabels" . | fromYaml }}
{{- toYaml (merge $ours (default dict .more) .root.Values.labels) }}
{{- end }}

{{- define "homeport.ownLabels" -}}
{{ include "homeport.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: homeport
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "homeport.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "homeport.serviceAccount" -}}
{{- default (ternary (include "homeport.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* The services, by their names. */}}
{{- define "homeport.names" -}}
[directory, lwm2m, bootstrap, expiry, notifier]
{{- end }}

{{/*
A service as it is configured: the defaults, and over them what is said of it (root,
name). Not sprig's merge: that takes false and 0 for "nothing said".
*/}}
{{- define "homeport.service" -}}
{{- $service := deepCopy .root.Values.defaults }}
{{- include "homeport.overlay" (dict "onto" $service "from" (index .root.Values.services .name)) }}
{{- toYaml $service }}
{{- end }}

{{- define "homeport.isEnabled" -}}
{{- if (include "homeport.service" . | fromYaml).enabled }}true{{ end }}
{{- end }}

{{- define "homeport.overlay" -}}
{{- range $key, $value := .from }}
{{- if and (kindIs "map" $value) (kindIs "map" (index $.onto $key)) }}
{{- include "homeport.overlay" (dict "onto" (index $.onto $key) "from" $value) }}
{{- else }}
{{- $_ := set $.onto $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The ports of a service (root, name): what they are called, where the container listens,
the setting that says so, and which Service has them. A port of 1024 and more needs no
capability.
*/}}
{{- define "homeport.ports" -}}
{{- $edges := dict "lwm2m" (list 5684 5683) "bootstrap" (list 5784 5783) }}
{{- if hasKey $edges .name }}
{{- $numbers := index $edges .name }}
{{- $prefix := printf "HOMEPORT_%s" (upper .name) }}
- { name: coaps, protocol: UDP, number: {{ first $numbers }}, setting: {{ $prefix }}_COAPS_PORT, group: udp, scheme: coaps }
- { name: coaps-tcp, protocol: TCP, number: {{ first $numbers }}, setting: {{ $prefix }}_COAPS_TCP_PORT, group: tcp, scheme: coaps }
{{- if .root.Values.nosec }}
- { name: coap, protocol: UDP, number: {{ last $numbers }}, setting: {{ $prefix }}_COAP_PORT, group: udp, scheme: coap }
- { name: coap-tcp, protocol: TCP, number: {{ last $numbers }}, setting: {{ $prefix }}_COAP_TCP_PORT, group: tcp, scheme: coap }
{{- end }}
{{- else if ne .name "expiry" }}
- { name: http, protocol: TCP, number: 8080, setting: HOMEPORT_HTTP_PORT, group: http, scheme: http }
{{- else }}
[]
{{- end }}
{{- end }}

{{/* Where every pod has /livez, /readyz, /drain and /metrics. */}}
{{- define "homeport.managementPort" -}}
8081
{{- end }}

{{/*
A pod of our image up to its containers (root; service: what says where it may run): a
restricted one without a token, which is told nothing of its neighbors.
*/}}
{{- define "homeport.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false # they would set HOMEPORT_… variables
securityContext:
  {{- include "homeport.podSecurity" (dict "user" .root.Values.podSecurity.runAsUser "group" .root.Values.podSecurity.runAsGroup) | nindent 2 }}
{{- $placed := pick .service "priorityClassName" "nodeSelector" "tolerations" "affinity" }}
{{- range $key, $value := merge (dict "imagePullSecrets" .root.Values.image.pullSecrets) $placed }}
{{- with $value }}
{{ toYaml (dict $key $value) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A container of our image, but for what it runs. */}}
{{- define "homeport.container" -}}
image: {{ include "homeport.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "homeport.containerSecurity" . | nindent 2 }}
{{- end }}

{{/* Restricted Pod Security, for a pod (user, group) and for its containers. */}}
{{- define "homeport.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .group }}
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "homeport.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
