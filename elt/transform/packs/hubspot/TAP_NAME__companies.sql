-- Companies that are not deleted, with what is going on there.
{{ config(materialized='table') }}

WITH contacts AS (
    SELECT
        company_id,
        count(*) AS contacts
    FROM {{ ref('TAP_NAME__contacts') }}
    GROUP BY company_id
),

deals AS (
    SELECT
        company_id,
        count(*) FILTER (WHERE NOT is_closed) AS open_deals,
        count(*) FILTER (WHERE is_won) AS won_deals,
        sum(amount) FILTER (WHERE NOT is_closed) AS open_amount,
        sum(amount) FILTER (WHERE is_won) AS won_amount
    FROM {{ ref('TAP_NAME__deals') }}
    GROUP BY company_id
),

tickets AS (
    SELECT
        company_id,
        count(*) AS tickets,
        count(*) FILTER (WHERE NOT is_closed) AS open_tickets
    FROM {{ ref('TAP_NAME__tickets') }}
    GROUP BY company_id
)

SELECT
    company_id,
    companies.name,
    companies.domain,
    companies.industry,
    companies.city,
    companies.country,
    companies.lifecycle_stage,
    owners.full_name AS owner,
    companies.employees,
    companies.annual_revenue,
    coalesce(contacts.contacts, 0) AS contacts,
    coalesce(deals.open_deals, 0) AS open_deals,
    coalesce(deals.won_deals, 0) AS won_deals,
    coalesce(deals.open_amount, 0) AS open_amount,
    coalesce(deals.won_amount, 0) AS won_amount,
    coalesce(tickets.tickets, 0) AS tickets,
    coalesce(tickets.open_tickets, 0) AS open_tickets,
    companies.created_at,
    companies.updated_at
FROM {{ ref('stg_TAP_NAME__companies') }} AS companies
LEFT JOIN contacts USING (company_id)
LEFT JOIN deals USING (company_id)
LEFT JOIN tickets USING (company_id)
LEFT JOIN {{ ref('stg_TAP_NAME__owners') }} AS owners
    ON companies.owner_id = owners.owner_id
WHERE NOT companies.is_deleted
