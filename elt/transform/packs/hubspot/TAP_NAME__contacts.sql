-- Contacts that are neither deleted nor merged into another one.
{{ config(materialized='table') }}

SELECT
    contact_id,
    contacts.full_name,
    contacts.email,
    contacts.phone,
    contacts.job_title,
    contacts.lifecycle_stage,
    contacts.lead_status,
    company_id,
    companies.name AS company,
    owners.full_name AS owner,
    contacts.created_at,
    contacts.updated_at
FROM {{ ref('stg_TAP_NAME__contacts') }} AS contacts
LEFT JOIN {{ ref('stg_TAP_NAME__contact_companies') }} USING (contact_id)
LEFT JOIN {{ ref('stg_TAP_NAME__companies') }} AS companies USING (company_id)
LEFT JOIN {{ ref('stg_TAP_NAME__owners') }} AS owners
    ON contacts.owner_id = owners.owner_id
WHERE NOT contacts.is_deleted
