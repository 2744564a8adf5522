"""Test that datasets of many missions are found: invented descriptions under ids in the manner of several archives."""

from __future__ import annotations

import numpy as np
import pytest

from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry
from sunpy_helio_plugins.hapi.discovery.question import concepts
from sunpy_helio_plugins.hapi.discovery.scores import rank
from sunpy_helio_plugins.hapi.discovery.vocabulary import vocabulary

MISSIONS: dict[str, dict[str, list[tuple[str, str, str]]]] = {
    "cdaweb": {
        "THA_L2_FGM": [("tha_fgs_gse", "nT", "Spin resolution field vector in GSE"), ("tha_fgs_quality", "", "")],
        "THA_L2_MOM": [("tha_peim_density", "1/cm^3", "Ions"), ("tha_peem_density", "1/cm^3", "Electrons")],
        "THD_L1_STATE": [("thd_pos_gsm", "km", "Probe position, GSM")],
        "RBSPA_REL04_ECT-HOPE-MOM-L3": [("Dens_e_200", "cm^-3", "Electron density above 200 eV")],
        "RBSP-A_MAGNETOMETER_4SEC-GSE_EMFISIS-L3": [("Mag", "nT", "Vector in GSE")],
        "RBSPB_REL03_ECT-REPT-SCI-L2": [("FEDU", "cm!E-2!Ns!E-1!Nsr!E-1!NMeV!E-1!N", "Unidirectional electron flux")],
        "GOES15_EPS-MAGED_5MIN": [("dtc_cor_eflux", "e/(cm^2 s sr keV)", "Electron flux, 5 channels")],
        "DN_MAGN-L2-HIRES_G16": [("b_gse", "nT", "Vector in GSE")],
        "VOYAGER1_COHO1HR_MERGED_MAG_PLASMA": [("protonDensity", "n/cc", "Protons"), ("ABS_B", "nT", "Average")],
        "UY_M0_BAI": [("Density", "/cc", "Protons"), ("Velocity", "km/s", "Protons, RTN")],
        "GE_K0_MGF": [("IB_vector", "nT", "3-sec vector"), ("POS", "Re", "Spacecraft")],
        "PO_K0_HYD": [("ELE_DENSITY", "cm^-3", "ELE Density"), ("ION_MEAN_ENERGY", "eV", "Ions")],
        "SOHO_CELIAS-PM_5MIN": [("V_p", "km/s", "Protons, 5 min"), ("N_p", "cm^-3", "Protons")],
        "MVN_SWI_L2_ONBOARDSVYMOM": [("density", "cm^-3", "Ions"), ("velocity_mso", "km/s", "Ions, MSO")],
    },
    "csa": {
        "C1_CP_FGM_SPIN": [("B_vec_xyz_gse__C1_CP_FGM_SPIN", "nT", "Field vector, GSE")],
        "C3_CP_CIS-HIA_ONBOARD_MOMENTS": [("density__C3_CP_CIS-HIA_ONBOARD_MOMENTS", "cm^-3", "Ions")],
    },
    "amda": {"wnd-swe-all": [("n", "cm⁻³", "density"), ("v", "km/s", "speed")], "cass-mag-kso": [("b", "nT", "b_kso")]},
    "sscweb": {"themisd": [("X_GSE", "R_E", "x"), ("LAT_GEO", "deg", "Latitude")]},
    "intermagnet": {"abk/definitive/PT1M/xyzf": [("Field_Vector", "nT", "Geomagnetic field vector")]},
    "nesdis": {"goes16-xrs": [("xrsb_flux", "W/m^2", "Long wavelength irradiance")]},
}
TITLES = {"intermagnet": "Geomagnetic observatories of INTERMAGNET"}


@pytest.fixture(scope="module")
def missions() -> Corpus:
    def entry(dataset: str, members: list[tuple[str, str, str]]) -> IndexEntry:
        named = [{"name": name, "units": unit, "description": told} for name, unit, told in members]
        return IndexEntry.of(dataset, "", {"parameters": [{"name": "Time"}, *named]})

    return Corpus(
        (name, TITLES.get(name, ""), [entry(*one) for one in datasets.items()]) for name, datasets in MISSIONS.items()
    )


@pytest.mark.parametrize(
    ("text", "near", "first"),
    [
        ("magnetic field THEMIS", None, "tha_fgs_gse"),
        ("THEMIS A ion density", None, "tha_peim_density"),
        ("THEMIS electron density", None, "tha_peem_density"),
        ("position of THEMIS in GSM", None, "thd_pos_gsm"),
        ("Van Allen Probes electron density", None, "Dens_e_200"),
        ("relativistic electrons REPT", None, "FEDU"),
        ("magnetic field Van Allen Probes EMFISIS", None, "Mag"),
        ("GOES energetic electron flux", None, "dtc_cor_eflux"),
        ("energetic electrons", "geostationary orbit", "dtc_cor_eflux"),
        ("solar X-ray flux", None, "xrsb_flux"),
        ("Voyager 1 proton density", None, "protonDensity"),
        ("magnetic field in the outer heliosphere Voyager", None, "ABS_B"),
        ("Ulysses solar wind speed", None, "Velocity"),
        ("Geotail magnetic field", None, "IB_vector"),
        ("electron density HYDRA Polar", None, "ELE_DENSITY"),
        ("SOHO proton speed 5 minutes", None, "V_p"),
        ("ion density", "Mars", "density"),
        ("Cluster magnetic field GSE", None, "B_vec_xyz_gse__C1_CP_FGM_SPIN"),
        ("Cluster ion density CIS", None, "density__C3_CP_CIS-HIA_ONBOARD_MOMENTS"),
        ("magnetic field", "Saturn", "b"),
        ("density Wind", None, "n"),
        ("geomagnetic field on the ground", None, "Field_Vector"),
        ("magnetic field", "ground", "Field_Vector"),
        ("1 minute geomagnetic field", None, "Field_Vector"),
    ],
)
def test_the_parameter_of_the_mission_is_first(missions: Corpus, text: str, near: str | None, first: str) -> None:
    allowed = np.ones(len(missions), dtype=np.float32)
    if near is not None:
        allowed = missions.at(vocabulary().within(str(vocabulary().place(near)))).astype(np.float32)
    hits = rank(missions, concepts(text), allowed, 5)
    assert [missions.parameters[hit.row][0] for hit in hits][:1] == [first]
