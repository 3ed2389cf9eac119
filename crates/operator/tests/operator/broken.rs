//! Bundles that are not good or are damaged, answers that are lost, and what is missing: what is told of each.

use std::fs;
use std::process::Command;

use aws::People;

use crate::account::{Account, check, ran};
use crate::moto::Spoil;

#[tokio::test]
async fn a_bundle_that_is_not_good_is_told_with_its_place_and_nobody_is_asked() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let bad = account.bundle("bad");
    fs::write(bad.join("98-bad.cedar"), "permit (principal, action").unwrap();
    account.moto.calls(&account.stack);
    check(&account.push(&ana, &bad).await, 1, &["98-bad.cedar:1:", "next: snowgate policy check"]);
    check(&account.push(&ana, std::path::Path::new("/nowhere")).await, 1, &["there is no folder"]);
    assert!(account.moto.calls(&account.stack).is_empty());
}

#[tokio::test]
async fn what_is_damaged_in_the_bucket_is_never_confirmed_and_is_mended_by_a_push() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    account.push(&ana, &one).await;
    let s3 = account.moto.clients().s3().clone();
    let damage = async |digest: &str| {
        let key = format!("bundles/{}", digest.replace(':', "-"));
        s3.put_object().bucket(&account.bucket).key(key).body(b"{}".to_vec().into()).send().await.unwrap();
    };
    damage(&first).await;
    check(&account.run(&ben, &["confirm", &first, "--why", "yes"]).await, 1, &["damaged"]);
    assert_eq!(account.decides(People::Two).await, None);

    account.push(&ana, &two).await;
    check(&account.run(&ben, &["confirm", &second, "--why", "yes"]).await, 0, &[]);
    damage(&second).await;
    assert_eq!(account.decides(People::Two).await, None);
    let three = account.bundle("three");
    check(&account.push(&ana, &three).await, 4, &["ATTENTION: what is in force", "cannot be compared"]);
    let third = Account::digest(&three);
    check(&account.run(&ben, &["confirm", &third, "--why", "mends it"]).await, 0, &[]);
    assert_eq!(account.decides(People::Two).await, Some(third));
}

#[tokio::test]
async fn a_lost_answer_changes_nothing_and_a_throttle_is_told() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    for holding in [&["DescribeStacks", account.stack.as_str()][..], &["PUT", account.bucket.as_str()][..]] {
        account.moto.spoil_after(0, holding, 1, Spoil::Lost);
    }
    check(&account.push(&ana, &one).await, 4, &["proposed by"]);

    let throttled =
        Spoil::Refused(400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#);
    account.moto.spoil_after(0, &["PutItem", account.table.as_str(), "in_force"], u32::MAX, throttled);
    let failed = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
    check(
        &failed,
        1,
        &["ThrottlingException", "nobody knows how far it came", "then the same command again"],
    );
    assert_eq!(account.decides(People::Two).await, None);
    account.moto.unspoil(&account.table);

    account.moto.spoil_after(0, &["PutItem", account.table.as_str(), "in_force"], 1, Spoil::Lost);
    check(&account.run(&ben, &["confirm", &digest, "--why", "yes"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(digest.clone()));
    let log = account.run(&ana, &["log"]).await;
    check(&log, 0, &[&format!("in force      {digest}"), &format!("never in force {digest}")]);
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_to_do() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let one = account.bundle("one");
    let dir = one.to_str().unwrap();
    check(&account.run(&ana, &["push", dir]).await, 64, &["--why"]);
    check(&account.run(&ana, &["push", dir, "--why", "  "]).await, 64, &["say why"]);
    check(&account.run(&ana, &["confirm", "sha256:12", "--why", "x"]).await, 64, &["invalid value"]);
    check(&account.run(&ana, &["log"]).await, 0, &["no bundle was ever in force"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log"]).env_clear();
    check(&ran(command).await, 1, &["there are no credentials", "aws configure export-credentials"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log", "--stack", "none-such"]).env_clear();
    command.env("AWS_ACCESS_KEY_ID", &ana.id).env("AWS_SECRET_ACCESS_KEY", &ana.secret);
    check(&ran(command).await, 1, &["AWS_REGION is not set"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log", "--stack", "none-such"]).env_clear().env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", &ana.id).env("AWS_SECRET_ACCESS_KEY", &ana.secret);
    command.env("AWS_ENDPOINT_URL", account.moto.url());
    check(&ran(command).await, 1, &["there is no stack `none-such`"]);
}
