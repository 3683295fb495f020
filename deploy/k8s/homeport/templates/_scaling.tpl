{{/* How many replicas of a service there are (root, name, service), and at least. */}}
{{- define "homeport.scaling" -}}
{{- $name := printf "%s-%s" (include "homeport.fullname" .root) .name }}
{{- $context := dict "root" .root "component" .name }}
{{- with .service.autoscaling }}
{{- if eq .kind "hpa" }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels:
    {{- include "homeport.labels" $context | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ $name }} }
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ .cpuPercent }} }
    {{- with .metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior:
    {{- toYaml .behavior | nindent 4 }}
{{- else if eq .kind "keda" }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels:
    {{- include "homeport.labels" $context | nindent 4 }}
spec:
  scaleTargetRef: { name: {{ $name }} }
  minReplicaCount: {{ .minReplicas }}
  maxReplicaCount: {{ .maxReplicas }}
  pollingInterval: {{ $.root.Values.keda.pollingSeconds }}
  cooldownPeriod: {{ $.root.Values.keda.cooldownSeconds }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml .behavior | nindent 8 }}
  triggers:
    - type: cpu
      metricType: Utilization
      metadata: { value: {{ .cpuPercent | quote }} }
    {{- include "homeport.triggers" $ | trim | nindent 4 }}
    {{- with .triggers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
{{- if .service.disruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels:
    {{- include "homeport.labels" $context | nindent 4 }}
spec:
  maxUnavailable: {{ .service.disruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "homeport.selector" $context | nindent 6 }}
{{- end }}
{{- end }}

{{/*
What KEDA asks: consumers are as many as the events they are behind, edges as the
associations they hold and the handshakes they make. Only the leader of a consumer knows
its lag, hence a headless monitoring endpoint. The notifier's consumers come and go with
its channels, so Prometheus is asked for all of them.
*/}}
{{- define "homeport.triggers" -}}
{{- $keda := .root.Values.keda }}
{{- $scaling := .service.autoscaling }}
{{- $pods := printf "namespace=%q,pod=~%q" .root.Release.Namespace (printf "%s-%s-.*" (include "homeport.fullname" .root) .name) }}
{{- if has .name (list "directory" "expiry") }}
- type: nats-jetstream
  metadata:
    natsServerMonitoringEndpoint: {{ $keda.natsMonitoringEndpoint | quote }}
    account: {{ default (ternary "HOMEPORT" "$G" (ne (include "homeport.issuerReference" .root) "")) $keda.natsAccount | quote }}
    stream: DEVICES
    consumer: {{ .name }}
    lagThreshold: {{ $scaling.eventsBehind | int64 | quote }}
{{- else if eq .name "notifier" }}
{{ include "homeport.prometheusTrigger" (dict "keda" $keda "query" (printf "sum(homeport_notifier_channels_waiting_events{namespace=%q})" .root.Release.Namespace) "threshold" $scaling.eventsBehind) }}
{{- else }}
{{ include "homeport.prometheusTrigger" (dict "keda" $keda "query" (printf "sum(homeport_dtls_associations{%s})" $pods) "threshold" $scaling.associations) }}
{{ include "homeport.prometheusTrigger" (dict "keda" $keda "query" (printf "sum(rate(homeport_dtls_handshakes_total{%s}[1m]))" $pods) "threshold" $scaling.handshakesPerSecond) }}
{{- end }}
{{- end }}

{{- define "homeport.prometheusTrigger" -}}
- type: prometheus
  metadata:
    serverAddress: {{ .keda.prometheusAddress | quote }}
    query: {{ .query | squote }}
    threshold: {{ .threshold | int64 | quote }}
{{- end }}
