//! How often auditors have looked. Beside the index, in its table: whoever shows recordings writes nowhere else but looks themselves.

use std::time::Duration;

use domain::{PrincipalKey, Timestamp};
use gateway::{Fault, Origin};

use super::Index;
use crate::calls::fault;
use crate::table::{Key, number, text};

const COUNTED: &str = "this look could not be counted, so nothing is shown";

/// How long an hour's count is kept behind it.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

impl Index {
    /// Counts one more look of an auditor in the present hour; or says after how long the next begins, where there were as many:
    ///
    /// | `pk` | `sk` | holds |
    /// | --- | --- | --- |
    /// | `looks#PRINCIPAL` | the second at which the hour began | `count`, and `forget_at` in seconds |
    ///
    /// # Errors
    /// When nobody knows whether it is counted.
    pub async fn count_look(
        &self,
        auditor: &PrincipalKey,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        let wait = now.until_next_hour();
        let key = Key::new(format!("looks#{}", auditor.as_str()), now.hour().to_string());
        // A try whose answer was lost counts twice, which is once too often and no harm.
        let update = self.table.client().update_item().table_name(self.table.name());
        let update = update
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET forget_at = :forget ADD #count :one")
            .condition_expression("attribute_not_exists(#count) OR #count < :most")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most.into()))
            .expression_attribute_values(":forget", number(now.after(wait).after(REMEMBERED).as_secs()));
        match update.send().await {
            Ok(_) => Ok(None),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(Some(wait))
            }
            Err(error) => Err(fault(Origin::Recordings, COUNTED, "dynamodb:UpdateItem", &error)),
        }
    }
}
