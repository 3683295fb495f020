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

{{/* Where the seed is that NATS knows the notifier by, if it asks whom to let in. */}}
{{- define "homeport.issuerReference" -}}
{{- $given := .Values.nats.issuerSecret }}
{{- if $given.name -}}
secretKeyRef: { name: {{ $given.name }}, key: {{ $given.key }} }
{{- else if include "homeport.isDeveloped" (dict "root" . "server" "nats") -}}
secretKeyRef: { name: {{ include "homeport.fullname" . }}-development, key: nats-issuer-seed }
{{- end }}
{{- end }}

{{/*
The environment names that a service's settings class reads (root, name), and whether a
server is among them (root, name, server).
*/}}
{{- define "homeport.known" -}}
{{- index (.root.Files.Get "files/settings.yaml" | fromYaml) .name | toYaml }}
{{- end }}

{{- define "homeport.uses" -}}
{{- if has (printf "HOMEPORT_%s_URL" (upper .server)) (include "homeport.known" . | fromYamlArray) }}true{{ end }}
{{- end }}

{{/* The settings that a service is given (root, service). */}}
{{- define "homeport.settings" -}}
{{- $settings := deepCopy .root.Values.settings }}
{{- include "homeport.overlay" (dict "onto" $settings "from" .service.settings) }}
{{- toYaml $settings }}
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
class knows and nothing else.
*/}}
{{- define "homeport.environment" -}}
{{- $known := include "homeport.known" . | fromYamlArray }}
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
{{- range $setting, $key := dict "HOMEPORT_DEFAULT_API_KEY" "api-key" "HOMEPORT_PLATFORM_API_KEY" "platform-api-key" }}
{{ include "homeport.fromSecret" (dict "root" $.root "setting" $setting "key" $key "optional" true) }}
{{- end }}
{{- end }}
{{- $issuer := include "homeport.issuerReference" .root }}
{{- if and $issuer (has "HOMEPORT_NATS_ISSUER_SEED" $known) }}
- name: HOMEPORT_NATS_ISSUER_SEED
  valueFrom: { {{ $issuer }} }
{{- end }}
{{- range $setting, $value := include "homeport.places" . | fromYaml }}
- { name: {{ $setting }}, value: {{ $value | quote }} }
{{- end }}
{{- range $setting, $value := include "homeport.settings" . | fromYaml }}
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

{{/* Where a service listens, and where devices reach the edges, as far as it reads it. */}}
{{- define "homeport.places" -}}
{{- $values := .root.Values }}
{{- $places := dict
  "HOMEPORT_PROBE_HOST" $values.listen
  "HOMEPORT_PROBE_PORT" (include "homeport.managementPort" .)
  "HOMEPORT_HTTP_HOST" $values.listen
  "HOMEPORT_COAP_HOST" $values.listen
  "HOMEPORT_NOSEC" (toString $values.nosec)
  "HOMEPORT_POSTGRES_MIGRATE" (not (include "homeport.migrates" .root) | toString)
  "HOMEPORT_BOOTSTRAP_PUBLIC_COAPS" (include "homeport.address" (dict "root" .root "name" "bootstrap"))
  "HOMEPORT_LWM2M_PUBLIC_COAPS" (include "homeport.address" (dict "root" .root "name" "lwm2m"))
  "HOMEPORT_LWM2M_PUBLIC_COAP" (ternary $values.addresses.lwm2mPlain "" $values.nosec) }}
{{- range .ports }}
{{- $_ := set $places .setting (toString .number) }}
{{- end }}
{{- $known := include "homeport.known" . | fromYamlArray }}
{{- range $setting, $value := $places }}
{{- if and $value (has $setting $known) }}
{{ $setting }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a job migrates the schemas; the development stack is not there before it. */}}
{{- define "homeport.migrates" -}}
{{- if and .Values.migrations.hook (not (include "homeport.isDeveloped" (dict "root" . "server" "postgres"))) }}true{{ end }}
{{- end }}
