-- What one of the units that amounts count is worth, where that is no hundredth
-- (docs.stripe.com, Supported currencies). ISK and UGX count hundredths.
SELECT
    unnest(
        [
            'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga',
            'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
        ]
    ) AS currency,
    CAST(1 AS DECIMAL(4, 3)) AS unit
UNION ALL
SELECT
    unnest(['bhd', 'jod', 'kwd', 'omr', 'tnd']) AS currency,
    CAST(0.001 AS DECIMAL(4, 3)) AS unit
