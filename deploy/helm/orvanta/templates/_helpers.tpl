{{- define "orvanta.labels" -}}
app.kubernetes.io/name: orvanta
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "orvanta.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Pod settings of all processes. Service links would set ORVANTA_PORT to the address of a service. */}}
{{- define "orvanta.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  fsGroup: 10001
volumes:
  - name: home
    emptyDir: {}
{{- end }}

{{- define "orvanta.container" -}}
image: {{ include "orvanta.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
envFrom:
  - secretRef: {name: {{ .Values.existingSecret | quote }}}
volumeMounts:
  - {name: home, mountPath: /var/lib/orvanta}
{{- end }}

{{- define "orvanta.env" -}}
- {name: ORVANTA_BASE_URL, value: {{ .Values.baseUrl | quote }}}
{{- if .Values.metrics.enabled }}
- {name: ORVANTA_METRICS_HOST, value: "0.0.0.0"}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- /* Numbers of a file with values are floating-point numbers, which `quote` writes with an exponent. */}}
- {name: {{ $name }}, value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}}
{{- end }}
{{- end }}
