"""Test VOEvent documents in the form of the registry's tools."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.her.submit.voevent import VOEvent

SUBMITTED = b"""<?xml version="1.0" encoding="UTF-8" ?>
<voe:VOEvent ivorn="ivo://helio-informatics.org/FE_Somebody_20100901_101112" role="observation" version="1.1"
    xmlns:voe="http://www.ivoa.net/xml/VOEvent/v1.1" xmlns:stc="http://www.ivoa.net/xml/STC/stc-v1.30.xsd"
    xmlns:lmsal="http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.ivoa.net/xml/VOEvent/v1.1 http://www.lmsal.com/helio-informatics/VOEvent-v1.1.xsd">
  <Who><AuthorIVORN>ivo://helio-informatics.org/FE_Somebody_20100901_101112</AuthorIVORN>
    <Author><contactName>somebody at sun.org</contactName></Author><Date>2010-09-01T10:11:12.000</Date></Who>
  <What><!-- measured --><Description></Description>
    <Group name="FilamentEruption_optional"><Param name="OUTFLOW_SPEED" value="150.0"/>
      <Param name="OUTFLOW_SPEEDUNIT" value="km/s"/></Group></What>
  <WhereWhen><ObsDataLocation xmlns="http://www.ivoa.net/xml/STC/stc-v1.30.xsd">
      <ObservatoryLocation><AstroCoordSystem></AstroCoordSystem>
        <AstroCoords id="UTC-HPC-TOPO" coord_system_id="UTC-HPC-TOPO"></AstroCoords></ObservatoryLocation>
      <ObservationLocation id="SDO"><AstroCoordSystem/><AstroCoords coord_system_id="UTC-HPC-TOPO">
          <Time><TimeInstant><ISOTime>2010-08-01T02:00:00.000</ISOTime></TimeInstant></Time>
          <Position2D unit="arcsec,arcsec"> <Value2><C1>-210.5</C1><C2>640.25</C2></Value2>
            <Error2><C1>10.0</C1><C2>12.0</C2></Error2></Position2D></AstroCoords>
        <AstroCoordArea coord_system_id="UTC-HPC-TOPO"><TimeInterval>
            <StartTime><ISOTime>2010-08-01T02:00:00.000</ISOTime></StartTime>
            <StopTime><ISOTime>2010-08-01T08:30:00.000</ISOTime></StopTime></TimeInterval>
          <Box2><Center><C1>-200.0</C1><C2>650.0</C2></Center><Size><C1>300.0</C1><C2>100.0</C2></Size></Box2>
        </AstroCoordArea></ObservationLocation></ObsDataLocation>
    <Group name="FilamentEruption_optional"><Param name="SKEL_CHAINCODE" value="LINESTRING(0 0,1 1)"/></Group>
  </WhereWhen>
  <How><lmsal:data><lmsal:OBS_ChannelID>304</lmsal:OBS_ChannelID><lmsal:OBS_Instrument>AIA</lmsal:OBS_Instrument>
      <lmsal:OBS_MeanWavel>304.0</lmsal:OBS_MeanWavel><lmsal:OBS_WavelUnit>Angstroms</lmsal:OBS_WavelUnit></lmsal:data>
    <lmsal:method><lmsal:FRM_Contact>somebody at sun.org</lmsal:FRM_Contact>
      <lmsal:FRM_DateRun>2010-09-01T10:00:00.000</lmsal:FRM_DateRun><lmsal:FRM_HumanFlag>T</lmsal:FRM_HumanFlag>
      <FRM_Identifier>somebody</FRM_Identifier><lmsal:FRM_Institute>ROB &amp; friends</lmsal:FRM_Institute>
      <lmsal:FRM_Name>Somebody</lmsal:FRM_Name><lmsal:FRM_ParamSet>n/a</lmsal:FRM_ParamSet></lmsal:method>
    <Group name="FilamentEruption_optional"><Param name="OBS_LEVELNUM" value="1.5"/></Group></How>
  <Why expires="2011-08-01T00:00:00.000" importance="0.8"><Inference probability="0.9"/>
    <Concept>FilamentEruption</Concept><lmsal:EVENT_TYPE>FE: FilamentEruption</lmsal:EVENT_TYPE>
    <Description>
      A fine eruption.
    </Description></Why>
  <Reference name="FRM_URL" uri="https://sun.org/method"/><Reference name="Edge" type="follows" uri="ivo://x/before"/>
  <Reference uri="https://sun.org/plain"/>
  <Citations><EventIVORN cite="supersedes">ivo://x/older</EventIVORN></Citations>
</voe:VOEvent>"""


@pytest.fixture
def eruption() -> VOEvent:
    return voevent.read(SUBMITTED)


def test_everything_that_solarsoft_writes_is_read(eruption: VOEvent) -> None:
    assert eruption.ivorn == "ivo://helio-informatics.org/FE_Somebody_20100901_101112"
    assert eruption.event_type == "FE"
    expected = {
        "event_starttime": "2010-08-01T02:00:00.000", "event_endtime": "2010-08-01T08:30:00.000",
        "event_coord1": "-210.5", "event_coord2": "640.25", "event_c1error": "10.0", "event_c2error": "12.0",
        "event_coordsys": "UTC-HPC-TOPO", "event_coordunit": "arcsec,arcsec", "obs_observatory": "SDO",
        "boundbox_c1ll": "-350.0", "boundbox_c1ur": "-50.0", "boundbox_c2ll": "600.0", "boundbox_c2ur": "700.0",
        "outflow_speed": "150.0", "outflow_speedunit": "km/s", "skel_chaincode": "LINESTRING(0 0,1 1)",
        "obs_channelid": "304", "obs_instrument": "AIA", "obs_meanwavel": "304.0", "obs_wavelunit": "Angstroms",
        "obs_levelnum": "1.5", "frm_contact": "somebody at sun.org", "frm_daterun": "2010-09-01T10:00:00.000",
        "frm_humanflag": "true", "frm_identifier": "somebody", "frm_institute": "ROB & friends", "frm_name": "Somebody",
        "frm_paramset": "n/a", "frm_url": "https://sun.org/method", "event_expires": "2011-08-01T00:00:00.000",
        "event_importance": "0.8", "event_probability": "0.9", "event_description": "A fine eruption.",
        "kb_archivdate": "2010-09-01T10:11:12.000",
    }  # fmt: skip
    assert eruption.values == expected
    assert [found["ref_url"] for found in eruption.references] == [
        "https://sun.org/method", "ivo://x/before", "https://sun.org/plain",
    ]  # fmt: skip
    assert eruption.references[1] == {"ref_name": "Edge", "ref_type": "follows", "ref_url": "ivo://x/before"}
    assert eruption.citations == [{"ivorn": "ivo://x/older", "cite": "supersedes"}]
    assert eruption.missing() == []


def test_what_was_read_is_written_as_it_was(eruption: VOEvent) -> None:
    again = voevent.read(voevent.write(eruption))
    assert again == eruption


def test_a_document_becomes_a_row(eruption: VOEvent) -> None:
    table = HERTable.from_records([eruption.record()])
    assert table["frm_humanflag"][0]
    assert table["outflow_speed"][0].to_string() == "150.0 km / s"
    assert table["event_probability"][0] == 0.9
    assert table.problems == []


def elements(event: VOEvent) -> Any:
    return ET.fromstring(voevent.write(event))


def test_times_and_places_stand_in_the_namespace_of_stc(eruption: VOEvent) -> None:
    root = elements(eruption)
    stc = "{http://www.ivoa.net/xml/STC/stc-v1.30.xsd}"
    inside = list(root.find("./WhereWhen").iterfind(f"{stc}ObsDataLocation//*"))
    assert len(inside) > 20
    assert all(element.tag.startswith(stc) for element in inside)
    assert root.tag == "{http://www.ivoa.net/xml/VOEvent/v1.1}VOEvent"
    assert root.find("./Who/Author/contactName").text == "somebody at sun.org"
    assert b'<ObsDataLocation xmlns="http://www.ivoa.net/xml/STC/stc-v1.30.xsd">' in voevent.write(eruption)


def test_what_is_required_stands_in_elements_and_what_is_optional_in_parameters(eruption: VOEvent) -> None:
    root = elements(eruption)
    lmsal = "{http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd}"
    assert root.find(f"./How/{lmsal}method/{lmsal}FRM_HumanFlag").text == "T"
    assert root.find(f"./How/{lmsal}data/{lmsal}OBS_ChannelID").text == "304"
    assert {param.get("name") for param in root.iterfind("./How/Group/Param")} == {"OBS_LEVELNUM"}
    assert {param.get("name") for param in root.iterfind("./WhereWhen/Group/Param")} == {"SKEL_CHAINCODE"}
    assert root.find("./How/Group").get("name") == "FilamentEruption_optional"
    assert root.find("./What/Description") is not None
    assert root.find(f"./Why/{lmsal}EVENT_TYPE").text == "FE: FilamentEruption"
    assert [found.get("name") for found in root.iterfind("./Reference")] == ["FRM_URL", "Edge", None]


def test_a_zero_is_a_value_and_defaults_of_structures_are_none(eruption: VOEvent) -> None:
    record = eruption.record() | {"event_coord1": 0, "outflow_width": -9999, "frm_paramset": "blank"}
    event = voevent.from_row(record)
    assert event.values["event_coord1"] == "0"
    assert "outflow_width" not in event.values
    assert event.missing() == ["frm_paramset"]
    event.values["frm_paramset"] = "blank"
    assert event.missing() == ["frm_paramset"]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800", "a\x1f", "\ufffe"])
def test_characters_that_xml_cannot_hold_are_refused_by_name(eruption: VOEvent, text: str, tmp_path: Path) -> None:
    eruption.values["frm_paramset"] = text
    with pytest.raises(FileError, match="frm_paramset"):
        voevent.write(eruption, tmp_path / "x.xml", check=False)
    eruption.values["frm_paramset"] = "x"
    eruption.references.append({"ref_name": text, "ref_type": "", "ref_url": "https://x.org"})
    with pytest.raises(FileError, match="reference"):
        voevent.write(eruption)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ivorn", ["", "x", "ivo://a b"])
def test_an_event_without_a_name_is_refused_and_a_new_name_can_be_made(eruption: VOEvent, ivorn: str) -> None:
    eruption.ivorn = ivorn
    with pytest.raises(FileError, match="identifier"):
        voevent.write(eruption)
    eruption.ivorn = voevent.identifier("FE", "My method: v1.0", datetime(2026, 1, 10, 1, 2, 3, tzinfo=UTC), "2")
    assert eruption.ivorn == "ivo://helio-informatics.org/FE_Mymethodv10_20260110_010203_2"
    voevent.write(eruption)
    assert re.fullmatch(r"ivo://helio-informatics.org/CH_SPoCA_\d{8}_\d{6}", voevent.identifier("CH", "SPoCA"))


def test_a_document_is_written_whole_or_not_at_all(eruption: VOEvent, tmp_path: Path) -> None:
    path = tmp_path / "event.xml"
    voevent.write(eruption, path)
    first = path.read_bytes()
    eruption.values.pop("frm_name")
    with pytest.raises(FileError, match="frm_name"):
        voevent.write(eruption, path)
    assert path.read_bytes() == first
    assert [found.name for found in tmp_path.iterdir()] == ["event.xml"]


def test_a_large_file_is_not_even_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes(SUBMITTED)
    monkeypatch.setattr(voevent, "MOST", 100)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(FileError, match="bytes"):
        voevent.read(path)


def test_references_of_parts_and_by_link_are_kept() -> None:
    inner = (
        b'<Param name="OUTFLOW_SPEED" value="150.0"><Reference name="Plot" type="image" uri="https://x.org/p"/></Param>'
    )
    linked = (
        b'<Reference xmlns:xlink="http://www.w3.org/1999/xlink" name="Paper" xlink:href="https://x.org/a?b=1&amp;c=2"/>'
    )
    changed = SUBMITTED.replace(b'<Param name="OUTFLOW_SPEED" value="150.0"/>', inner)
    changed = changed.replace(b"<Citations>", linked + b"<Citations>")
    event = voevent.read(changed)
    found = {reference["ref_name"]: reference["ref_url"] for reference in event.references}
    assert found["Plot"] == "https://x.org/p"
    assert found["Paper"] == "https://x.org/a?b=1&c=2"
    assert voevent.read(voevent.write(event, check=False)).references == event.references
    assert HERTable.from_records([event.record()])["refs"][0] == event.references


def test_inferences_and_their_probabilities_are_kept() -> None:
    more = (
        b'<Inference probability="0.9" relation="identified"><Name>AR 11093</Name><Concept>ActiveRegion</Concept>'
        b'</Inference><Inference probability="0.4" relation="associated"><Description>A dimming.</Description>'
        b"</Inference>"
    )
    event = voevent.read(SUBMITTED.replace(b'<Inference probability="0.9"/>', more))
    assert event.values["event_probability"] == "0.9"
    assert [one["probability"] for one in event.inferences] == ["0.9", "0.4"]
    assert event.inferences[0]["name"] == "AR 11093"
    back = voevent.read(voevent.write(event, check=False))
    assert back.inferences == event.inferences
    event.values["event_probability"] = "0.5"
    changed = voevent.read(voevent.write(event, check=False))
    assert [one["probability"] for one in changed.inferences] == ["0.5", "0.4"]
    del event.values["event_probability"]
    assert "probability" not in voevent.read(voevent.write(event, check=False)).inferences[0]
