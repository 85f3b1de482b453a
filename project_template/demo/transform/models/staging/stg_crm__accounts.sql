-- HubSpot gives the values of properties as text.
SELECT
    companies.id AS company_id,
    companies.account_id,
    companies.name,
    companies.account_kind AS kind,
    companies.city,
    companies.country,
    owners.firstName AS owner,
    CASE
        WHEN CAST(companies.has_churned AS BOOLEAN) THEN 'churned'
        WHEN companies.lifecyclestage = 'customer' THEN 'customer'
        ELSE 'lead'
    END AS stage
FROM {{ source('raw_crm', 'companies') }} AS companies
LEFT JOIN {{ source('raw_crm', 'owners') }} AS owners
    ON companies.hubspot_owner_id = owners.id
WHERE companies._sdc_deleted_at IS NULL
