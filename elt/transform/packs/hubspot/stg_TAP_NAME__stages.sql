-- Stages of deals and of tickets; two pipelines may have stages of one id.
SELECT
    stages.object_type,
    stages.pipeline_id,
    stages.id AS stage_id,
    pipelines.label AS pipeline,
    stages.label AS stage,
    stages.displayOrder AS position,
    coalesce(TRY_CAST(stages.metadata ->> '$.isClosed' AS BOOLEAN), FALSE) AS is_closed,
    TRY_CAST(stages.metadata ->> '$.probability' AS DECIMAL(4, 3)) AS probability
FROM {{ source('SCHEMA_NAME', 'stages') }} AS stages
LEFT JOIN {{ source('SCHEMA_NAME', 'pipelines') }} AS pipelines
    ON stages.object_type = pipelines.object_type
    AND stages.pipeline_id = pipelines.id
