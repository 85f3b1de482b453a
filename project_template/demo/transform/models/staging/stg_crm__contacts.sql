-- Archived contacts, and those that were merged into another, stay in the raw table.
SELECT
    contacts.id AS contact_id,
    accounts.account_id,
    concat_ws(' ', contacts.firstname, contacts.lastname) AS full_name,
    lower(contacts.email) AS email,
    CAST(contacts.is_primary AS BOOLEAN) AS is_primary
FROM {{ source('raw_crm', 'contacts') }} AS contacts
INNER JOIN {{ source('raw_crm', 'associations_contacts_companies') }} AS bonds
    ON contacts.id = bonds.from_id
    AND bonds.label = 'Primary'
INNER JOIN {{ ref('stg_crm__accounts') }} AS accounts ON bonds.to_id = accounts.company_id
WHERE contacts._sdc_deleted_at IS NULL
