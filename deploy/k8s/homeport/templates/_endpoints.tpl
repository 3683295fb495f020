{{/*
The Services of a service (root, name, service, ports): one for each protocol. With UDP
and TCP in one object, a port number that both have gets lost when it is patched.
*/}}
{{- define "homeport.endpoints" -}}
{{- range $group := list "http" "udp" "tcp" }}
{{- $ports := list }}
{{- range $.ports }}
{{- if eq .group $group }}
{{- $ports = append $ports . }}
{{- end }}
{{- end }}
{{- if and $ports (or (ne $group "tcp") $.service.service.tcp.enabled) }}
---
{{ include "homeport.endpoint" (dict "root" $.root "name" $.name "service" $.service.service "group" $group "ports" $ports) | trim }}
{{- end }}
{{- end }}
{{- end }}

{{- define "homeport.endpoint" -}}
{{- $context := dict "root" .root "component" .name }}
{{- $own := dict }}
{{- if ne .group "http" }}
{{- $own = index .service .group }}
{{- end }}
{{- $annotations := deepCopy .service.annotations }}
{{- include "homeport.overlay" (dict "onto" $annotations "from" $own.annotations) }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "homeport.fullname" .root }}-{{ .name }}{{ if ne .group "http" }}-{{ .group }}{{ end }}
  labels:
    {{- include "homeport.labels" $context | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .service.type }}
  {{- if ne .service.type "ClusterIP" }}
  externalTrafficPolicy: {{ default "Cluster" .service.externalTrafficPolicy }}
  {{- end }}
  {{- if eq .service.type "LoadBalancer" }}
  {{- with .service.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with .service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if eq (default "None" .service.sessionAffinity) "ClientIP" }}
  sessionAffinity: ClientIP
  {{- end }}
  selector:
    {{- include "homeport.selector" $context | nindent 4 }}
  ports:
    {{- range .ports }}
    - { name: {{ .name }}, port: {{ index $.service.ports .scheme }}, targetPort: {{ .name }}, protocol: {{ .protocol }} }
    {{- end }}
{{- end }}
