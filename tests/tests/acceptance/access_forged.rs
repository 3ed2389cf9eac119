//! Leave to read is what its steps say: nothing that was written over, or put where it is looked for, permits anything.

use std::time::Duration;

use domain::{ApprovalId, PrincipalKey};
use gateway::Gateway;
use gateway::ports::{AccessNote, Accesses};
use recording::{ObjectKind, RecordKey, Severity};

use crate::access::{REQUEST, granted, is_not_permitted, opening_of, read};
use crate::door::router;
use crate::held::held;
use crate::house::{House, in_time};
#[tokio::test]
async fn nothing_that_was_written_over_or_put_there_permits_anything() {
    type Forge = fn(&House, &RecordKey);
    fn replace(house: &House, path: &std::path::Path, from: &str, to: &str) {
        let path = house.home_path().join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{}: {text}", path.display());
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
    fn step(key: &RecordKey, step: u32) -> std::path::PathBuf {
        std::path::Path::new("records").join(key.object(ObjectKind::Approval { step }))
    }
    fn last_step(house: &House, key: &RecordKey) -> u32 {
        let count = local::Records::open(&house.home_path()).unwrap().approval(key).unwrap().len();
        u32::try_from(count).unwrap() - 1
    }
    let forges: [(&str, Forge); 7] = [
        ("another object in what was asked", |house, key| {
            replace(house, &step(key, 0), "DEMO.PUBLIC.*", "DEMO.OTHER.*");
        }),
        ("another end", |house, key| replace(house, &step(key, 0), "\"until\":\"20", "\"until\":\"21")),
        ("another step", |house, key| {
            replace(house, &step(key, last_step(house, key)), "\"spent\"", "\"expired\"");
        }),
        ("no step that spends it", |house, key| {
            std::fs::remove_file(house.home_path().join(step(key, last_step(house, key)))).unwrap();
        }),
        ("no sealed text", |house, key| {
            let sealed = key.object(ObjectKind::Sealed);
            std::fs::remove_file(house.home_path().join("sealed").join(sealed)).unwrap();
        }),
        ("another sealed text", |house, key| {
            let sealed = house.home_path().join("sealed").join(key.object(ObjectKind::Sealed));
            let mut bytes = std::fs::read(&sealed).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&sealed, bytes).unwrap();
        }),
        ("another opening", |house, key| {
            let opening = std::path::Path::new("records").join(key.object(ObjectKind::Opening));
            replace(house, &opening, "\"subject\":\"ana\"", "\"subject\":\"ben\"");
        }),
    ];
    for (what, forge) in forges {
        let (house, gateway, _) = granted().await;
        assert_eq!(read(&gateway, "ana").await.status, 200);
        let records = house.records();
        let (request, _) = opening_of(&records, REQUEST);
        let key = RecordKey::new(&request.opened[..10], request.exchange.parse().unwrap());
        forge(&house, &key);
        is_not_permitted(&read(&gateway, "ana").await);
        is_not_permitted(&read(&gateway, "ben").await);
        assert_eq!(house.submissions(), 1, "{what}");
        assert!(house.verify().worst() >= Some(Severity::Incomplete), "{what}: {:?}", house.verify().faults);
    }
}

pub async fn principal(gateway: &Gateway, who: &str) -> PrincipalKey {
    let credential = domain::Credential::new(who.to_owned());
    in_time(gateway.identify(domain::Door::SqlApi, &credential)).await.unwrap().identity().key()
}

#[tokio::test]
async fn where_it_is_found_is_not_believed() {
    let (house, gateway, _) = granted().await;
    // A note that says that what ana was granted is ben's.
    let home = house.open_home();
    let records = house.records();
    let (request, _) = opening_of(&records, REQUEST);
    let key = RecordKey::new(&request.opened[..10], request.exchange.parse().unwrap());
    let ben = principal(&gateway, "ben").await;
    let later = house.time_now().after(Duration::from_secs(100_000));
    let noted = |principal: &PrincipalKey, key: &RecordKey| AccessNote {
        principal: principal.clone(),
        approval: ApprovalId::from_u128(1),
        key: key.clone(),
        until: later,
    };
    home.note(&noted(&ben, &key), house.time_now()).await.unwrap();
    is_not_permitted(&read(&gateway, "ben").await);
    // A note of one that waits, and of what is no request at all.
    let waits = held(&router(gateway.clone()), "request access to customers for '3h' because 'more'").await;
    assert!(!waits.handle().is_empty());
    held(&router(gateway.clone()), "insert into customers (id) values (1)").await;
    for (opening, _) in house.records() {
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        home.note(&noted(&ben, &key), house.time_now()).await.unwrap();
    }
    is_not_permitted(&read(&gateway, "ben").await);
    // One that cannot be read takes nothing from the others.
    let folder = std::fs::read_dir(house.home_path().join("access")).unwrap();
    for folder in folder {
        let path = folder.unwrap().path().join(format!("{:020}-broken", later.as_micros()));
        std::fs::write(path, "{").unwrap();
    }
    assert_eq!(read(&gateway, "ana").await.status, 200);
    // Nor does a note whose end is later than what was granted.
    house.time.turn(Duration::from_secs(2 * 3600));
    let ana = principal(&gateway, "ana").await;
    home.note(&noted(&ana, &key), house.time_now()).await.unwrap();
    is_not_permitted(&read(&gateway, "ana").await);
}
