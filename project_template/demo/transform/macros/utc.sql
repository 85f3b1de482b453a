{# Stripe gives moments as seconds since 1970. #}
{% macro utc(seconds) %}to_timestamp({{ seconds }}) AT TIME ZONE 'UTC'{% endmacro %}
