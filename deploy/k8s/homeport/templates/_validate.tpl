{{/*
What a schema cannot see: values that are wrong together. Each says the value's name and
the remedy; the first ends the rendering.
*/}}

{{- define "homeport.validate" -}}
{{- include "homeport.validateSecrets" . }}
{{- range $server, $schemes := dict "redis" "redis|rediss" "nats" "nats|tls|ws|wss" "postgres" "postgresql|postgres" }}
{{- $port := include "homeport.developmentPort" (dict "server" $server) }}
{{- include "homeport.validateServer" (dict "root" $ "server" $server "schemes" $schemes "port" $port) }}
{{- end }}
{{- range $name := list "bootstrap" "lwm2m" }}
{{- include "homeport.validateAddress" (dict "root" $ "name" $name) }}
{{- end }}
{{- range $name := include "homeport.names" . | fromYamlArray }}
{{- $service := include "homeport.service" (dict "root" $ "name" $name) | fromYaml }}
{{- if $service.enabled }}
{{- $ports := include "homeport.ports" (dict "root" $ "name" $name) | fromYamlArray }}
{{- $it := dict "root" $ "name" $name "service" $service "ports" $ports }}
{{- include "homeport.validateScaling" $it }}
{{- include "homeport.validateExtras" $it }}
{{- include "homeport.validateFlows" $it }}
{{- end }}
{{- end }}
{{- include "homeport.validateEdges" . }}
{{- include "homeport.validateApi" . }}
{{- if .Values.test.enabled }}
{{- range $name := list "bootstrap" "directory" "lwm2m" }}
{{- if not (include "homeport.isEnabled" (dict "root" $ "name" $name)) }}
{{- fail (printf "\n\ntest.enabled is true and services.%s.enabled is not, but the test's device comes home through it: set test.enabled=false." $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "homeport.validateSecrets" -}}
{{- $generates := include "homeport.generates" . }}
{{- if and .Values.secrets.existingSecret .Values.secrets.generate }}
{{- fail "\n\nsecrets.generate and secrets.existingSecret are both set: leave one of them." }}
{{- end }}
{{- if not (or .Values.secrets.existingSecret $generates) }}
{{- fail "\n\nsecrets.existingSecret is not set: name a Secret with secret-key and account-id, or let Helm make one with secrets.generate=true (not where charts are rendered elsewhere, as by Argo CD: each rendering would make another)." }}
{{- end }}
{{- if and .Values.secrets.existingSecret .Values.accountId }}
{{- fail "\n\naccountId is set, and secrets.existingSecret has it as account-id: leave accountId empty." }}
{{- end }}
{{- if and $generates .Release.IsUpgrade }}
{{- if not (lookup "v1" "Secret" .Release.Namespace (include "homeport.secret" .)) }}
{{- fail (printf "\n\nsecrets.generate is true, and the Secret %s of the installation is gone or cannot be seen: what is stored cannot be read without it. Restore it, or name another in secrets.existingSecret. (Without a cluster, as in helm template, it is never seen: use --dry-run=server.)" (include "homeport.secret" .)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "homeport.validateServer" -}}
{{- $given := index .root.Values .server }}
{{- if and $given.url $given.existingSecret.name }}
{{- fail (printf "\n\n%s.url and %s.existingSecret.name are both set: leave one of them." .server .server) }}
{{- end }}
{{- if not (or $given.url $given.existingSecret.name .root.Values.development.enabled) }}
{{- fail (printf "\n\n%s.url is not set: give the server's URL, or name a Secret that has it in %s.existingSecret.name, or set development.enabled=true for a first try." .server .server) }}
{{- end }}
{{- if $given.url }}
{{- range $url := ternary (splitList "," $given.url) (list $given.url) (eq .server "nats") }}
{{- if not (regexMatch (printf "^(%s)://" $.schemes) $url) }}
{{- fail (printf "\n\n%s.url does not begin with %s://: give the whole URL." $.server (replace "|" ":// or " $.schemes)) }}
{{- end }}
{{- if regexMatch "[\\s#]|@.*@" $url }}
{{- fail (printf "\n\n%s.url has a space, # or a second @ in it: write special characters of a password as %%XX, as in %%40 for @." $.server) }}
{{- end }}
{{- include "homeport.validatePort" (dict "root" $.root "of" (printf "%s.url" $.server) "url" $url "standard" $.port "policy" $.server) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "homeport.validateAddress" -}}
{{- $address := include "homeport.address" . }}
{{- if not $address }}
{{- fail (printf "\n\naddresses.%s is not set: say where devices reach the %s server, as in coaps://%s.example.com:%s." .name .name .name (ternary "5784" "5684" (eq .name "bootstrap"))) }}
{{- end }}
{{- if gt (regexFind "[0-9]+$" $address | int) 65535 }}
{{- fail (printf "\n\naddresses.%s is %s, whose port is none: give one up to 65535." .name $address) }}
{{- end }}
{{- if regexMatch "//(localhost|127\\.|0\\.0\\.0\\.0|\\[::1?\\])" $address }}
{{- fail (printf "\n\naddresses.%s is %s, where devices cannot reach the cluster: give the name or address of its load balancer." .name $address) }}
{{- end }}
{{- end }}

{{/* The edges: where devices reach them together. */}}
{{- define "homeport.validateEdges" -}}
{{- $addresses := .Values.addresses }}
{{- if and $addresses.lwm2m (eq $addresses.lwm2m $addresses.bootstrap) }}
{{- fail (printf "\n\naddresses.lwm2m and addresses.bootstrap are both %s: give each a host or port of its own." $addresses.lwm2m) }}
{{- end }}
{{- if .Values.nosec }}
{{- if not $addresses.lwm2mPlain }}
{{- fail "\n\naddresses.lwm2mPlain is not set, and nosec opens the plain ports: say where devices without security reach the LwM2M server, as in coap://lwm2m.example.com:5683, or set nosec=false." }}
{{- end }}
{{- range $name := list "bootstrap" "lwm2m" }}
{{- $ports := (index $.Values.services $name).service.ports }}
{{- if eq (int $ports.coaps) (int $ports.coap) }}
{{- fail (printf "\n\nservices.%s.service.ports.coaps and coap are both %v: give each a port of its own." $name $ports.coap) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What is added to the pods of a service is not there yet, and there when needed. */}}
{{- define "homeport.validateExtras" -}}
{{- $told := dict }}
{{- range include "homeport.environment" . | fromYamlArray }}
{{- if hasKey $told .name }}
{{- fail (printf "\n\nservices.%s.extraEnv has %s, which is set already: take it out there." $.name .name) }}
{{- end }}
{{- $_ := set $told .name true }}
{{- end }}
{{- $volumes := list "tmp" }}
{{- range .service.extraVolumes }}
{{- if has .name $volumes }}
{{- fail (printf "\n\nservices.%s.extraVolumes has %s, which is there already: give it another name." $.name .name) }}
{{- end }}
{{- $volumes = append $volumes .name }}
{{- end }}
{{- range .service.extraVolumeMounts }}
{{- if not (has .name $volumes) }}
{{- fail (printf "\n\nservices.%s.extraVolumeMounts has %s, which is no volume: add it to extraVolumes." $.name .name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a service is told to reach it is let out to. */}}
{{- define "homeport.validateFlows" -}}
{{- $settings := include "homeport.settings" . | fromYaml }}
{{- with index $settings "HOMEPORT_WEBHOOK_NETWORKS" }}
{{- range splitList "," . }}
{{- if not (regexMatch "^[0-9a-fA-F.:]+/[0-9]{1,3}$" (trim .)) }}
{{- fail (printf "\n\nHOMEPORT_WEBHOOK_NETWORKS has %q, which is no network: write it as in 10.1.0.0/16, one address as in 192.0.2.7/32." (trim .)) }}
{{- end }}
{{- end }}
{{- end }}
{{- with index $settings "HOMEPORT_TRACES_URL" }}
{{- $standard := ternary "443" "80" (hasPrefix "https:" .) }}
{{- include "homeport.validatePort" (dict "root" $.root "of" "HOMEPORT_TRACES_URL" "url" . "standard" $standard "policy" "traces") }}
{{- end }}
{{- end }}

{{/* A policy lets out to the port of a URL (root, of: its name, url, standard, policy). */}}
{{- define "homeport.validatePort" -}}
{{- $policies := .root.Values.networkPolicies }}
{{- $found := regexFind ":[0-9]+(/|\\?|$)" (regexReplaceAll "^.*@" .url "") | regexFind "[0-9]+" }}
{{- $port := default .standard $found }}
{{- $open := list }}
{{- range (index $policies .policy).ports }}
{{- $open = append $open (toString .) }}
{{- end }}
{{- if and $policies.enabled $port (not (has $port $open)) }}
{{- fail (printf "\n\n%s has port %s, and networkPolicies.%s.ports does not let anybody out to it: add %s there." .of $port .policy $port) }}
{{- end }}
{{- end }}

{{- define "homeport.validateScaling" -}}
{{- $service := .service }}
{{- $scaling := $service.autoscaling }}
{{- $keda := .root.Values.keda }}
{{- if ne $scaling.kind "none" }}
{{- $begin := printf "services.%s.autoscaling" .name }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
{{- fail (printf "\n\n%s.minReplicas is %v, more than maxReplicas, which is %v: raise maxReplicas." $begin $scaling.minReplicas $scaling.maxReplicas) }}
{{- end }}
{{- if not (dig "requests" "cpu" "" $service.resources) }}
{{- fail (printf "\n\nservices.%s.resources.requests.cpu is not set, and %s.cpuPercent is a share of it: set it." .name $begin) }}
{{- end }}
{{- if and (eq $scaling.kind "keda") (has .name (list "directory" "expiry")) (not $keda.natsMonitoringEndpoint) }}
{{- fail (printf "\n\nkeda.natsMonitoringEndpoint is not set, and %s.kind is keda: give the headless monitoring endpoint of NATS, as in nats-headless.nats.svc:8222." $begin) }}
{{- end }}
{{- if and (eq $scaling.kind "keda") (not (has .name (list "directory" "expiry"))) (not $keda.prometheusAddress) }}
{{- fail (printf "\n\nkeda.prometheusAddress is not set, and %s.kind is keda: give the URL of Prometheus, as in http://prometheus-operated.monitoring.svc:9090." $begin) }}
{{- end }}
{{- end }}
{{- if and (eq (toString $service.strategy.maxSurge) "0") (eq (toString $service.strategy.maxUnavailable) "0") }}
{{- fail (printf "\n\nservices.%s.strategy.maxSurge and maxUnavailable are both 0, so that no pod can be replaced: set maxSurge=1." .name) }}
{{- end }}
{{- end }}

{{- define "homeport.validateApi" -}}
{{- range $way := list "ingress" "httpRoute" }}
{{- if and (index $.Values $way).enabled (not (include "homeport.routes" $ | fromYamlArray)) }}
{{- fail (printf "\n\n%s.enabled is true, and neither services.directory nor services.notifier is there to be reached: set %s.enabled=false." $way $way) }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "\n\ningress.host is not set: name the API's host, as in api.example.com, or set ingress.enabled=false." }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "\n\nhttpRoute.parentRefs is empty: name the Gateway that the routes belong to, as in [{name: gateway, namespace: gateways}]." }}
{{- end }}
{{- if .Values.certificate.enabled }}
{{- if not .Values.certificate.issuer.name }}
{{- fail "\n\ncertificate.issuer.name is not set: name cert-manager's issuer, or set certificate.enabled=false." }}
{{- end }}
{{- if not (or .Values.certificate.hosts .Values.ingress.host) }}
{{- fail "\n\ncertificate.hosts is empty: name the hosts that the certificate is for, or set ingress.host." }}
{{- end }}
{{- end }}
{{- end }}
