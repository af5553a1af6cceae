//! What the model found in the engine, each in as few calls as show it.

use arcfs::{ErrorKind, MemFs};

fn names(error: &arcfs::Error) -> (Option<&str>, Option<&str>) {
    (error.path(), error.other_path())
}

#[test]
fn a_call_on_two_paths_names_both_in_order_whichever_is_wrong() {
    let fs = MemFs::new();
    let error = fs.exchange("a/.", "/..").unwrap_err();
    assert_eq!(names(&error), (Some("/a"), Some("/..")));
    let error = fs.copy("/..", "//b").unwrap_err();
    assert_eq!(names(&error), (Some("/.."), Some("/b")));
    let error = fs.exchange("/a", "/").unwrap_err();
    assert_eq!(names(&error), (Some("/a"), Some("/")));

    fs.write("/a", "1").unwrap();
    fs.create_dir("/d").unwrap();
    let held = fs.create("/d/held").unwrap();
    for error in [fs.rename("/a", "/d/held/x"), fs.exchange("/a", "/d"), fs.replace("/d", "/e")] {
        let error = error.unwrap_err();
        assert!(error.other_path().is_some_and(|other| other != "/d/held"), "{error:?}");
        assert!(error.path().is_some_and(|path| path != "/d/held"), "{error:?}");
    }
    drop(held);
}

#[test]
fn move_path_judges_its_arguments_before_existence() {
    let fs = MemFs::new();
    assert_eq!(fs.move_path("/missing", "/missing/x/y").unwrap_err().kind(), &ErrorKind::InvalidInput);
}

#[test]
fn errors_name_the_path_normalised_where_it_can_be() {
    let fs = MemFs::builder().max_nodes(2).build().unwrap();
    fs.write("/a", [0xff]).unwrap();
    let of = |error: arcfs::Error| error.path().map(str::to_owned);
    let snapshot = fs.snapshot();
    let errors = [
        (fs.create_dir("x/.").unwrap_err(), "/x"),
        (fs.create_dir_all("x//y").unwrap_err(), "/x/y"),
        (fs.create("\\x").unwrap_err(), "/x"),
        (fs.read_to_string("a").unwrap_err(), "/a"),
        (fs.export_bytes("//a", Some(0)).unwrap_err(), "/a"),
        (snapshot.read_to_string("a").unwrap_err(), "/a"),
        (snapshot.export_bytes("//a", Some(0)).unwrap_err(), "/a"),
    ];
    for (error, path) in errors {
        assert_eq!(of(error).as_deref(), Some(path));
    }
    let error = snapshot.export_bytes("/missing", None).unwrap_err();
    assert_eq!((error.operation(), error.kind()), ("export_bytes", &ErrorKind::NotFound));
}
