-- By another issuer's tokens. Only for a gateway that runs elsewhere than on AWS, with `client-credentials` or `token-exchange`: on AWS this
-- would be a second way in that nobody needs.
--
-- Run it after setup.sql, with the issuer as its tokens name it, and where its keys lie:
--
--   snow sql --role ACCOUNTADMIN --filename infra/snowflake/oauth.sql \
--     -D oauth_issuer=https://login.example.com/ -D oauth_keys=https://login.example.com/keys

-- The issuer's tokens are believed for these two roles, never for one that administers, and a token's role is the one that its scope names.
CREATE SECURITY INTEGRATION IF NOT EXISTS SNOWGATE_OAUTH TYPE = EXTERNAL_OAUTH ENABLED = TRUE EXTERNAL_OAUTH_TYPE = CUSTOM
  EXTERNAL_OAUTH_ISSUER = '<% oauth_issuer %>' EXTERNAL_OAUTH_JWS_KEYS_URL = '<% oauth_keys %>'
  EXTERNAL_OAUTH_AUDIENCE_LIST = ('snowflakecomputing.com')
  EXTERNAL_OAUTH_TOKEN_USER_MAPPING_CLAIM = 'sub' EXTERNAL_OAUTH_SNOWFLAKE_USER_MAPPING_ATTRIBUTE = 'LOGIN_NAME'
  EXTERNAL_OAUTH_ALLOWED_ROLES_LIST = ('SNOWGATE_READER', 'SNOWGATE_WRITER') EXTERNAL_OAUTH_ANY_ROLE_MODE = 'DISABLE';
-- One that was there before had another issuer, perhaps.
ALTER SECURITY INTEGRATION SNOWGATE_OAUTH SET EXTERNAL_OAUTH_ISSUER = '<% oauth_issuer %>' EXTERNAL_OAUTH_JWS_KEYS_URL = '<% oauth_keys %>';
