{{/* The Deployment of a service (root, name, service, ports): the one shape of all. */}}
{{- define "homeport.deployment" -}}
{{- $root := .root }}
{{- $context := dict "root" $root "component" .name }}
{{- with .service }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "homeport.fullname" $root }}-{{ $.name }}
  labels:
    {{- include "homeport.labels" $context | nindent 4 }}
spec:
  {{- if eq .autoscaling.kind "none" }}
  replicas: {{ .replicas }}
  {{- end }}
  minReadySeconds: {{ .minReadySeconds }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: {{ .strategy.maxSurge }}, maxUnavailable: {{ .strategy.maxUnavailable }} }
  selector:
    matchLabels:
      {{- include "homeport.selector" $context | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "homeport.labels" (merge (dict "more" .podLabels) $context) | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ $.name }}
        checksum/servers: {{ include "homeport.serversChecksum" $root }}
        {{- with .podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "homeport.serviceAccount" $root }}
      {{- include "homeport.pod" (dict "root" $root "service" .) | nindent 6 }}
      terminationGracePeriodSeconds: {{ add .drainSeconds .shutdownSeconds }}
      {{- with .topologySpread }}
      topologySpreadConstraints:
        {{- range $key, $otherwise := . }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: {{ $otherwise }}
          labelSelector:
            matchLabels:
              {{- include "homeport.selector" $context | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      {{- end }}
      containers:
        - name: {{ $.name }}
          {{- include "homeport.container" $root | nindent 10 }}
          args: [run, {{ $.name }}]
          env:
            {{- include "homeport.environment" $ | trim | nindent 12 }}
          ports:
            {{- range $.ports }}
            - { name: {{ .name }}, containerPort: {{ .number }}, protocol: {{ .protocol }} }
            {{- end }}
            - { name: management, containerPort: {{ include "homeport.managementPort" . }}, protocol: TCP }
          startupProbe:
            httpGet: { path: /livez, port: management }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: management }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe: # not of Redis, NATS or PostgreSQL: away, they are so for all
            httpGet: { path: /readyz/start, port: management }
            periodSeconds: 5
            timeoutSeconds: 5
          lifecycle:
            preStop:
              httpGet: { path: "/drain?seconds={{ .drainSeconds }}", port: management }
          resources:
            {{- toYaml .resources | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- with .extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
        {{- with .extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}
{{- end }}

{{/* Pods begin anew when a URL that is given as a value has changed. */}}
{{- define "homeport.serversChecksum" -}}
{{- list .Values.redis.url .Values.nats.url .Values.postgres.url | toJson | sha256sum | trunc 16 }}
{{- end }}
