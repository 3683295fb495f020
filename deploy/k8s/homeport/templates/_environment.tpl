{{/* The environment of a process, and where its secrets are. */}}

{{/* Whether the chart makes the installation's secret. */}}
{{- define "homeport.generates" -}}
{{- if and (not .Values.secrets.existingSecret) (or .Values.secrets.generate .Values.development.enabled) }}true{{ end }}
{{- end }}

{{- define "homeport.secret" -}}
{{- default (printf "%s-secrets" (include "homeport.fullname" .)) .Values.secrets.existingSecret }}
{{- end }}

{{/* Whether the development stack stands in for a server (root, server). */}}
{{- define "homeport.isDeveloped" -}}
{{- $given := index .root.Values .server }}
{{- if and .root.Values.development.enabled (not $given.url) (not $given.existingSecret.name) }}true{{ end }}
{{- end }}

{{/* Where the URL of a server is to be found (root, server; hook: before the rest is). */}}
{{- define "homeport.serverReference" -}}
{{- $given := index .root.Values .server }}
{{- if $given.existingSecret.name -}}
secretKeyRef: { name: {{ $given.existingSecret.name }}, key: {{ $given.existingSecret.key }} }
{{- else if include "homeport.isDeveloped" . -}}
secretKeyRef: { name: {{ include "homeport.fullname" .root }}-development, key: {{ .server }}-url }
{{- else -}}
secretKeyRef: { name: {{ include "homeport.fullname" .root }}-{{ ternary "migrate" "servers" (default false .hook) }}, key: {{ .server }} }
{{- end }}
{{- end }}

{{/* Where devices reach an edge (root, name): as given, or within the cluster. */}}
{{- define "homeport.address" -}}
{{- $given := index .root.Values.addresses .name }}
{{- if $given }}
{{- $given }}
{{- else if .root.Values.development.enabled }}
{{- $service := include "homeport.service" . | fromYaml }}
{{- printf "coaps://%s-%s-udp.%s.svc:%v" (include "homeport.fullname" .root) .name .root.Release.Namespace $service.service.ports.coaps }}
{{- end }}
{{- end }}

{{/*
The environment of a service (root, name, service, ports). It holds what its settings
class knows and nothing else; which that is stands in files/settings.yaml, written from
the classes.
*/}}
{{- define "homeport.environment" -}}
{{- $known := index (.root.Files.Get "files/settings.yaml" | fromYaml) .name }}
{{- range $setting, $server := dict "HOMEPORT_REDIS_URL" "redis" "HOMEPORT_NATS_URL" "nats" "HOMEPORT_POSTGRES_URL" "postgres" }}
{{- if has $setting $known }}
- name: {{ $setting }}
  valueFrom: { {{ include "homeport.serverReference" (dict "root" $.root "server" $server) }} }
{{- end }}
{{- end }}
{{- if has "HOMEPORT_SECRET_KEY" $known }}
{{ include "homeport.fromSecret" (dict "root" .root "setting" "HOMEPORT_SECRET_KEY" "key" "secret-key") }}
{{ include "homeport.fromSecret" (dict "root" .root "setting" "HOMEPORT_DEFAULT_ACCOUNT_ID" "key" "account-id") }}
{{- end }}
{{- if eq .name "directory" }}
{{ include "homeport.fromSecret" (dict "root" .root "setting" "HOMEPORT_DEFAULT_API_KEY" "key" "api-key" "optional" true) }}
{{- end }}
{{- range $setting, $value := include "homeport.places" . | fromYaml }}
- { name: {{ $setting }}, value: {{ $value | quote }} }
{{- end }}
{{- $settings := deepCopy .root.Values.settings }}
{{- include "homeport.overlay" (dict "onto" $settings "from" .service.settings) }}
{{- range $setting, $value := $settings }}
{{- if has $setting $known }}
- { name: {{ $setting }}, value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }} }
{{- end }}
{{- end }}
{{- with .service.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "homeport.fromSecret" -}}
- name: {{ .setting }}
  valueFrom: { secretKeyRef: { name: {{ include "homeport.secret" .root }}, key: {{ .key }}{{ if .optional }}, optional: true{{ end }} } }
{{- end }}

{{/* Where a service listens, and where devices reach the edges. */}}
{{- define "homeport.places" -}}
HOMEPORT_PROBE_HOST: {{ .root.Values.listen | quote }}
HOMEPORT_PROBE_PORT: {{ include "homeport.managementPort" . | quote }}
{{- range .ports }}
{{ .setting }}: {{ .number | quote }}
{{- end }}
{{- if has .name (list "directory" "notifier") }}
HOMEPORT_HTTP_HOST: {{ .root.Values.listen | quote }}
HOMEPORT_POSTGRES_MIGRATE: {{ not (include "homeport.migrates" .root) | quote }}
{{- end }}
{{- if has .name (list "lwm2m" "bootstrap") }}
HOMEPORT_COAP_HOST: {{ .root.Values.listen | quote }}
HOMEPORT_NOSEC: {{ .root.Values.nosec | quote }}
{{- end }}
{{- if has .name (list "directory" "lwm2m" "bootstrap") }}
HOMEPORT_BOOTSTRAP_PUBLIC_COAPS: {{ include "homeport.address" (dict "root" .root "name" "bootstrap") | quote }}
HOMEPORT_LWM2M_PUBLIC_COAPS: {{ include "homeport.address" (dict "root" .root "name" "lwm2m") | quote }}
{{- end }}
{{- if and .root.Values.nosec (eq .name "bootstrap") }}
HOMEPORT_LWM2M_PUBLIC_COAP: {{ .root.Values.addresses.lwm2mPlain | quote }}
{{- end }}
{{- end }}

{{/* Whether a job migrates the schemas; the development stack is not there before it. */}}
{{- define "homeport.migrates" -}}
{{- if and .Values.migrations.hook (not (include "homeport.isDeveloped" (dict "root" . "server" "postgres"))) }}true{{ end }}
{{- end }}
