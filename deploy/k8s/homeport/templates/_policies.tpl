{{/* What may go in and out of pods: exactly the flows that there are. */}}

{{/* The policy of a component's pods (root, component), up to its rules. */}}
{{- define "homeport.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "homeport.fullname" .root }}-{{ .component }}
  labels:
    {{- include "homeport.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "homeport.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/*
The policy of a service (root, name, service, ports). Devices or callers come in, and
whoever reads metrics; it goes to its servers, to where traces are sent and, if it calls
webhooks, to theirs. Services do not talk to each other but through Redis and NATS.
*/}}
{{- define "homeport.flows" -}}
{{- $policies := .root.Values.networkPolicies }}
{{- $tcp := list "TCP" }}
{{- if $policies.enabled }}
---
{{ include "homeport.policy" (dict "root" .root "component" .name) }}
  ingress:
    - ports: [{ port: management, protocol: TCP }]
      {{- with $policies.management.from }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with .ports }}
    {{- $from := ternary $policies.api.from $policies.devices.from (eq (first .).group "http") }}
    - ports:
        {{- range . }}
        - { port: {{ .name }}, protocol: {{ .protocol }} }
        {{- end }}
      {{- with $from }}
      from:
        {{- toYaml . | nindent 8 }}
        {{- if $.root.Values.test.enabled }}
        - {{ include "homeport.podsOf" (dict "root" $.root "component" "test") | nindent 10 | trim }}
        {{- end }}
      {{- end }}
    {{- end }}
  egress:
    {{- include "homeport.egressToNames" .root | nindent 4 }}
    {{- range $server := list "redis" "nats" "postgres" }}
    {{- $its := dict "root" $.root "name" $.name "server" $server }}
    {{- if include "homeport.uses" $its }}
    {{- include "homeport.egressToServer" $its | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- $settings := include "homeport.settings" . | fromYaml }}
    {{- if has "HOMEPORT_WEBHOOK_NETWORKS" (include "homeport.known" . | fromYamlArray) }}
    {{- include "homeport.egress" (dict "policy" $policies.webhooks "protocols" $tcp) | nindent 4 }}
    {{- with index $settings "HOMEPORT_WEBHOOK_NETWORKS" }}
    {{- $peers := list }}
    {{- range splitList "," . }}
    {{- $peers = append $peers (dict "ipBlock" (dict "cidr" (trim .))) }}
    {{- end }}
    {{- include "homeport.egress" (dict "policy" (dict "ports" $policies.webhooks.ports "to" $peers) "protocols" $tcp) | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- if index $settings "HOMEPORT_TRACES_URL" }}
    {{- include "homeport.egress" (dict "policy" $policies.traces "protocols" $tcp) | nindent 4 }}
    {{- end }}
    {{- with $policies.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}

{{/* Pods of a component, as a peer (root, component). */}}
{{- define "homeport.podsOf" -}}
podSelector:
  matchLabels:
    {{- include "homeport.selector" . | nindent 4 }}
{{- end }}

{{/* A rule that lets out to peers and ports (policy: ports, to; protocols). */}}
{{- define "homeport.egress" -}}
- ports:
    {{- range $port := .policy.ports }}
    {{- range $protocol := $.protocols }}
    - { port: {{ $port }}, protocol: {{ $protocol }} }
    {{- end }}
    {{- end }}
  {{- with .policy.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "homeport.egressToNames" -}}
{{- include "homeport.egress" (dict "policy" .Values.networkPolicies.dns "protocols" (list "UDP" "TCP")) }}
{{- end }}

{{/* A rule that lets out to a server (root, server). */}}
{{- define "homeport.egressToServer" -}}
{{- $policy := index .root.Values.networkPolicies .server }}
{{- if include "homeport.isDeveloped" . }}
{{- $peer := include "homeport.podsOf" (dict "root" .root "component" (printf "development-%s" .server)) | fromYaml }}
{{- $policy = dict "ports" (list (include "homeport.developmentPort" .)) "to" (list $peer) }}
{{- end }}
{{- include "homeport.egress" (dict "policy" $policy "protocols" (list "TCP")) }}
{{- end }}
